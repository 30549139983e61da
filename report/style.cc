#include "report/style.h"

namespace cnnopt {

// Words have at least 4.5:1 of contrast on what they stand on, bars, marks and the edges of pale
// bars 3:1, in both schemes.
const char* const kReportStyle = R"css(
:root{color-scheme:light dark;--page:#f6f7f9;--card:#fff;--ink:#1b2330;--soft:#56606e;--rule:#d9dee5;--accent:#0a67a8;
--before:#b9d3e8;--after:#0a67a8;--kept:#7b8794;--good:#17692f;--bad:#b3261e;--mark:#b45309}
@media(prefers-color-scheme:dark){:root{--page:#11161d;--card:#1a212b;--ink:#e6eaf0;--soft:#a3adba;--rule:#333d4a;
--accent:#6cb6f0;--before:#2f5878;--after:#58a8ea;--kept:#8592a1;--good:#6fcf8a;--bad:#ff8a80;--mark:#f0a445}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",
sans-serif}
header,main,footer{max-width:76rem;margin:0 auto;padding:0 1rem}
a{color:var(--accent)}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px;border-radius:3px}
.skip{position:absolute;left:-99rem}
.skip:focus{left:1rem;top:.5rem;background:var(--card);padding:.4rem .8rem;z-index:1}
h1{font-size:1.5rem;line-height:1.25;margin:1.5rem 0 .5rem;overflow-wrap:anywhere}
h2{font-size:1.15rem;margin:0 0 .5rem}
h3{font-size:1rem;margin:1.5rem 0 .4rem}
p{margin:.4rem 0 .8rem;max-width:46rem;overflow-wrap:anywhere}
.soft{color:var(--soft);font-size:.92rem}
.verdict{font-weight:600}.slimmed{color:var(--good)}.refused{color:var(--bad)}
nav ul{display:flex;flex-wrap:wrap;gap:.2rem 1.1rem;list-style:none;margin:.8rem 0 1rem;padding:0}
nav a{display:inline-block;padding:.25rem 0}
section{background:var(--card);border:1px solid var(--rule);border-radius:10px;padding:1rem;margin:0 0 1rem}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(9rem,1fr));gap:1rem;margin:0}
.tiles dt{color:var(--soft);font-size:.92rem}
.tiles dd{margin:0;font-variant-numeric:tabular-nums}
.tiles .big{font-size:1.5rem;font-weight:600;line-height:1.3}
.warnings{border-left:4px solid var(--mark)}
ul.lines{margin:.3rem 0;padding-left:1.2rem;overflow-wrap:anywhere}
svg.chart{display:block;overflow:visible;margin:.6rem 0;font-size:13px}
svg text{fill:var(--ink)}svg .tick{fill:var(--soft);font-size:12px}svg .middle{text-anchor:middle}svg .end{text-anchor:end}
.before{fill:var(--before);background:var(--before)}.after{fill:var(--after);background:var(--after)}
.kept{fill:var(--kept);background:var(--kept)}
svg .before{stroke:var(--after)}
.grid{stroke:var(--rule)}.curve{stroke:var(--after);stroke-width:2.5;stroke-linecap:round}
.dot{fill:var(--after)}.ring{fill:var(--card);stroke:var(--mark);stroke-width:3}.disc{fill:var(--ink)}
.bound{stroke:var(--bad);stroke-width:1.5;stroke-dasharray:6 4}.median{stroke:var(--ink);stroke-width:2}
.legend{display:flex;flex-wrap:wrap;gap:.2rem 1.2rem;list-style:none;margin:.4rem 0;padding:0;font-size:.92rem}
.legend i{display:inline-block;width:.9rem;height:.9rem;border-radius:3px;margin-right:.4rem;vertical-align:-.1rem}
.legend i.ring{border:3px solid var(--mark);border-radius:50%}
.legend i.disc{background:var(--ink);border-radius:50%}
.legend i.bound{height:0;border-top:2px dashed var(--bad);vertical-align:.25rem;border-radius:0}
.legend i.curve{height:3px;background:var(--after);vertical-align:.2rem}
summary{cursor:pointer;color:var(--accent);padding:.3rem 0}
.scroll{overflow-x:auto;margin:.6rem 0 .9rem;position:relative}
table{border-collapse:collapse;font-size:.9rem;font-variant-numeric:tabular-nums;min-width:100%}
caption{text-align:left;color:var(--soft);padding:.2rem 0}
th,td{padding:.3rem .7rem .3rem 0;border-bottom:1px solid var(--rule);text-align:right;vertical-align:top;white-space:nowrap}
th:first-child{text-align:left}
thead th{color:var(--soft);font-weight:600}
tbody th{font-weight:500;white-space:normal;overflow-wrap:anywhere;min-width:9.5rem;max-width:22rem}
.words2 td:nth-child(2),.words2 th:nth-child(2),.words3 td:nth-child(-n+3),.words3 th:nth-child(-n+3){text-align:left}
.words2 td:nth-child(2),.words3 td:nth-child(3){white-space:normal;overflow-wrap:anywhere;min-width:13rem;max-width:34rem}
.words2 tbody th{min-width:5.5rem}.words2 td:nth-child(2){min-width:8rem}
.samples{display:flex;flex-wrap:wrap;gap:1rem}
figure{margin:0;width:8rem}
figure img{display:block;width:8rem;height:8rem;object-fit:contain;image-rendering:pixelated;background:var(--page);
border:1px solid var(--rule)}
figcaption{font-size:.88rem}
footer{color:var(--soft);font-size:.88rem;padding-bottom:2rem}
@media print{nav,.skip{display:none}section{break-inside:avoid}}
)css";

}  // namespace cnnopt
