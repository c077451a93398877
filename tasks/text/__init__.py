"""Text as it is stored: decoded and normalised.

In: bytes. Out: text, and how sure its encoding is. `decode` reads bytes by what `encodings` finds, which weighs guesses
by `plausibility`; `normalise` gives every text its one form, `headings` what stands above one. Imports only `errors`.
"""
