"""What we look at, read and hear: ``scenes``, ``crowds``, ``moods``, ``corpus``, ``digits``,
``spoken_digits``, ``text8``, picture and sound files (``pictures``, ``sounds``), and files that
ship or come over the network (``shipped``, ``download``). Each is imported by its name."""
