"""Sound in: devices, files and pipes on one side, 16 kHz mono samples on the other."""
