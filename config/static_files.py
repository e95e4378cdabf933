"""How the static files are named: each by its content, also where one of our scripts imports another.

Without that a browser would load a module twice, once under each name, and keep an old one after an upgrade.
The scripts of others are left as they are: they mention modules in comments that do not exist here.
"""

from __future__ import annotations

from whitenoise.storage import CompressedManifestStaticFilesStorage


class NamedByContent(CompressedManifestStaticFilesStorage):
    _, _imports = CompressedManifestStaticFilesStorage._js_module_import_aggregation_patterns
    patterns = (*CompressedManifestStaticFilesStorage.patterns, ("js/*.js", _imports))
