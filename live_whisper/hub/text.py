"""Sizes as the Hub's pages show them."""


def size_text(size_bytes: int) -> str:
    """Decimal megabytes or gigabytes, as the Hub's pages show them."""
    if size_bytes >= 1_000_000_000:
        return f"{size_bytes / 1e9:.2f} GB"
    if size_bytes >= 1_000_000:
        return f"{size_bytes / 1e6:.0f} MB"
    return f"{size_bytes / 1e3:.0f} kB"
