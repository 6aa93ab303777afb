"""The line code of the 5.12 Gb/s data link as logic: encoder of LOCx2, receiver of the back end."""
