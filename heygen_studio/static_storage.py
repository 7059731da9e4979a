"""Static files under hashed names, so that browsers may keep them for ever."""

from whitenoise.storage import CompressedManifestStaticFilesStorage

# `import { find } from "./dom.js";` and `import "./cards.js";`
MODULE_IMPORT = (
    r"""(?P<matched>(?P<keyword>from|import) "(?P<url>\./[^"]+)";)""",
    """%(keyword)s "%(url)s";""",
)


class StaticStorage(CompressedManifestStaticFilesStorage):
    """Also rewrites the imports of our own ES modules to the hashed names.

    Django's `support_js_module_import_aggregation` does so for every script of every package, and fails at imports in
    a script of django-htmx that no page uses. Imports must form no circle: the hash of a module depends on the
    hashes of the modules that it imports.
    """

    max_post_process_passes = 15  # one for each link in the longest chain of imports, at worst
    patterns = (*CompressedManifestStaticFilesStorage.patterns, ("studio/*.js", (MODULE_IMPORT,)))
