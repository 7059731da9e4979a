"""Static files under hashed names, so that browsers may keep them for ever."""

from fnmatch import fnmatch

from django.core.files.base import ContentFile
from rjsmin import jsmin
from whitenoise.storage import CompressedManifestStaticFilesStorage

OUR_MODULES = "studio/*.js"
# `import { find } from "./dom.js"`, `import "./cards.js"` and, for a module that is loaded once it is needed,
# `import("./words.js")`
MODULE_IMPORT = (
    r"""(?P<matched>(?P<keyword>from ?|import ?|import\()"(?P<url>\./[^"]+)")""",
    """%(keyword)s"%(url)s\"""",
)


def as_sent(name: str, content: bytes) -> bytes:
    """The content of a static file as it is collected: our modules without comments and white space."""
    return jsmin(content.decode()).encode() if fnmatch(name, OUR_MODULES) else content


class StaticStorage(CompressedManifestStaticFilesStorage):
    """Leaves comments and white space out of our ES modules, and rewrites their imports to the hashed names.

    Django's `support_js_module_import_aggregation` does so for every script of every package, and fails at imports in
    a script of django-htmx that no page uses. Imports must form no circle: the hash of a module depends on the
    hashes of the modules that it imports.
    """

    max_post_process_passes = 15  # one for each link in the longest chain of imports, at worst
    patterns = (*CompressedManifestStaticFilesStorage.patterns, (OUR_MODULES, (MODULE_IMPORT,)))

    def post_process(self, paths, dry_run=False, **options):
        if not dry_run:
            for name in (name for name in paths if fnmatch(name, OUR_MODULES)):
                self.shorten(*paths[name], name)
                paths[name] = (self, name)
        yield from super().post_process(paths, dry_run=dry_run, **options)

    def shorten(self, source, path, name):
        with source.open(path) as file:
            content = file.read()
        self.delete(name)
        self.save(name, ContentFile(as_sent(name, content)))
