"""Pictures, sound and film: bytes into arrays of numbers, and what is known of them.

- `image`: pictures into pixels. `opening` knows their formats by content and says what is wrong with them, `colours`
  brings every kind of pixel to 8-bit sRGB, `captions` finds what a file says of its picture, `drawing` rasterises SVG.
- `sound`: sound into samples. `recordings` are files that libsndfile reads, `containers` those of PyAV, film too;
  `lengths` tells whether a file is all there, `mpeg_audio` mends MP3 files that do not say how long they are.
- `film`: frames of films, and the times of those worth a look.

`kinds` says what a file is that is none of them.

Libraries that decode are imported when something is decoded.
"""
