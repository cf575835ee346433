"""What we look at, read and hear: ``scenes``, ``moods``, ``corpus``, ``digits``,
``spoken_digits``, ``text8``, picture and sound files (``pictures``, ``sounds``), and files that
ship or come over the network (``shipped``, ``download``). Each is a module of its own, imported by
its name."""
