"""Pictures, sound and film: bytes into arrays of numbers, and what is known of them.

- `image`: pictures into pixels. `opening` knows their formats by content and says what is wrong with them, `colours`
  brings every kind of pixel to 8-bit sRGB, `captions` finds what a file says of its picture, `drawing` rasterises SVG.

Libraries that decode are imported when something is decoded.
"""
