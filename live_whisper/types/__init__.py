"""What flows through the program: frozen, slotted, positions as absolute sample indices."""
