"""A corpus as a map: a model's table goes in, an application for the browser comes out.

Points are laid out (`layout`), put into groups that are named by their words (`groups`), given their neighbours
(`neighbours`), kept by version of the table (`mapping`), and written with their texts as an application that needs
nothing but a static web server (`atlas`).
"""
