"""The page's style sheet: light and dark by the reader's setting, narrow screens, and paper."""

STYLE = """
:root{--bg:#fff;--fg:#1c1d21;--soft:#62656e;--line:#d9dbe1;--card:#f5f6f8;--a:#c2410c;--b:#1d5fbf;
  --c:#6b7280;--warn:#fff3cd}
@media (prefers-color-scheme:dark){
  :root{--bg:#15171b;--fg:#e6e7ea;--soft:#9ba0ab;--line:#363a43;--card:#1e2127;--a:#fb923c;--b:#7db2ff;
    --c:#9ca3af;--warn:#4a3b0a}
}
*{box-sizing:border-box}
body{overflow-wrap:break-word;margin:0 auto;max-width:1180px;padding:24px;background:var(--bg);color:var(--fg);
  font:15px/1.5 system-ui,sans-serif}
h1{font-size:1.5rem;margin:0;overflow-wrap:anywhere}
h2{font-size:1.15rem;margin:2rem 0 .6rem}
p{margin:.4rem 0}
.soft{color:var(--soft)}
.warning{background:var(--warn);padding:.7rem 1rem;border-radius:6px}
.scroll{overflow-x:auto}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}
th,td{padding:.25rem .8rem;text-align:right;border-bottom:1px solid var(--line);white-space:nowrap}
th:first-child,td:first-child{text-align:left}
td small{color:var(--soft)}
.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(420px,100%),1fr));gap:16px}
figure{margin:0}
.plot{background:var(--card);border-radius:8px;padding:10px}
figcaption{font-weight:600;font-size:.9rem}
svg{width:100%;height:auto}
svg text{fill:var(--soft);font-size:10px}
.grid{stroke:var(--line);stroke-width:.6}
.line{fill:none;stroke-width:2}
.line.a{stroke:var(--a)}
.line.b{stroke:var(--b)}
.line.c,.line.chance{stroke:var(--c)}
.line.chance{stroke-dasharray:4 4;stroke-width:1}
.dot,.bar{fill-opacity:.6}
.dot.a,.bar.a{fill:var(--a)}
.dot.b,.bar.b{fill:var(--b)}
.dot.c,.bar.c{fill:var(--c)}
.legend{font-size:.8rem;display:flex;gap:1rem;flex-wrap:wrap}
.legend i{display:inline-block;width:.8em;height:.8em;border-radius:2px;margin-right:.4em}
i.a{background:var(--a)}
i.b{background:var(--b)}
i.c,i.chance{background:var(--c)}
.case{background:var(--card);border-radius:8px;padding:10px;margin:0 0 12px;break-inside:avoid}
.case p{overflow-wrap:anywhere}
.row{display:grid;grid-template-columns:repeat(4,1fr);gap:8px}
.row.two{grid-template-columns:repeat(3,1fr)}
.row img{width:100%;height:auto;display:block;border-radius:4px}
.row figcaption{font-weight:400;color:var(--soft);font-size:.8rem}
@media (max-width:640px){
  .row,.row.two{grid-template-columns:repeat(2,1fr)}
}
@media print{
  :root{--bg:#fff;--fg:#000;--soft:#444;--line:#bbb;--card:#fff;--a:#c2410c;--b:#1d5fbf;--c:#6b7280;
    --warn:#fff}
  body{max-width:none;padding:0;font-size:10pt}
  *{print-color-adjust:exact;-webkit-print-color-adjust:exact}
  .plot,.case,tr{break-inside:avoid}
  h2{break-after:avoid}
  .plots{grid-template-columns:repeat(2,1fr)}
  .warning{border:1px solid #000}
}
"""
