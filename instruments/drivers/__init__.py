"""One driver a file, named after vendor and family; the table of all is `instruments.catalogue`."""
