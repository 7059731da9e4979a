"""The admin's own page around the lists: the site with its menu, and the front page.

It is apart from videos/admin/, because that package registers its lists with the site when it is imported.
"""
