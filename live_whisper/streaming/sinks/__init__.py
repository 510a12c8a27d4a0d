"""Where events go: journal, subtitle files, JSON lines, plain lines, the terminal."""
