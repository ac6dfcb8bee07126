"""A page that opens offline."""

from __future__ import annotations

from .evaluation_style import STYLE

#: Nothing is loaded from elsewhere and nothing runs, even if a name should get past the escaping.
_POLICY = "script-src 'none';object-src 'none';frame-src 'none';connect-src 'none';base-uri 'none';form-action 'none'"


def html_page(title: str, body: str, style: str = "") -> str:
    """A whole page. Args: title and body are HTML, names in them escaped already; style is added to ``STYLE``."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<meta name="color-scheme" content="light dark"><title>{title}</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f"<style>{STYLE}{style}</style></head><body><main>{body}</main></body></html>\n"
    )
