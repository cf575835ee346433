"""What we look at, read and hear: ``scenes``, ``crowds``, ``corpus``, ``digits``, ``text8``,
``spoken_digits``, picture and sound files (``pictures``, ``sounds``), and files that ship or come
over the network (``shipped``, ``download``). Each is a module of its own, imported by its name."""
