/**
 * All styles of the page: system fonts, the reader's light or dark theme, readable at 360 px and on paper.
 */
export const style = `
:root { color-scheme: light dark; --ink: #1c2024; --soft: #545d66; --paper: #fff; --line: #d3d9df; --bar: #2f6db3; --mark: #a3450b; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e7ebef; --soft: #a9b3bd; --paper: #15191d; --line: #39424b; --bar: #6ea8e6; --mark: #f0a35f; }
}
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.6rem; overflow-wrap: anywhere; } h2 { font-size: 1.25rem; margin-top: 2.5rem; overflow-wrap: anywhere; } h3 { font-size: 1rem; margin: 1.5rem 0 0; }
p { margin: .4rem 0; } li { overflow-wrap: anywhere; }
.conditions { white-space: pre-line; color: var(--soft); overflow-wrap: anywhere; }
.wide { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; }
th, td { padding: .25rem .75rem .25rem 0; border-bottom: 1px solid var(--line); text-align: right; vertical-align: top; }
th[scope="row"], thead th:first-child { text-align: left; font-weight: 400; } thead th { color: var(--soft); font-weight: 400; }
#look ~ .wide td, #look ~ .wide thead th { text-align: left; white-space: pre-wrap; overflow-wrap: anywhere; }
svg { display: block; width: 100%; max-width: 40rem; height: auto; margin: .5rem 0; }
svg text { fill: var(--ink); font-size: 11px; text-anchor: middle; } svg .axis { fill: var(--soft); } svg .name { text-anchor: end; font-size: 12px; }
rect, circle { fill: var(--bar); } .track { stroke: var(--line); } .span { stroke: var(--bar); stroke-width: 6; opacity: .45; } .now { stroke: var(--mark); stroke-width: 2; }
@media print { .wide { overflow: visible; } }
`;
