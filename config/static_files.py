"""How the static files are named: each by its content, also where one script imports another.

Without that a browser would load a module twice, once under each name, and keep an old one after an upgrade.
"""

from __future__ import annotations

from whitenoise.storage import CompressedManifestStaticFilesStorage


class NamedByContent(CompressedManifestStaticFilesStorage):
    support_js_module_import_aggregation = True
