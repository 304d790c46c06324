-- The look of the month-end pack: that of a printed annual report, on a screen in light and dark, and on paper.

CREATE FUNCTION acct._pack_style() RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $sql$
    SELECT $css$
:root{color-scheme:light dark;--paper:#fff;--ink:#1d2329;--soft:#56606a;--line:#d5d9dd;--rule:#1d2329;--accent:#1f4e6b;--bar:#3b7397;--minus:#a5482c;--total:#1d2329;--band:#f5f6f7;--good:#1d6b43;--warn:#8a5a00;--bad:#a32020}
@media screen and (prefers-color-scheme:dark){:root{--paper:#14181c;--ink:#e4e7ea;--soft:#a3adb6;--line:#343b42;--rule:#8b959e;--accent:#8fc1de;--bar:#5b9cc2;--minus:#e08a6b;--total:#c9d0d6;--band:#1c2227;--good:#7ccaa0;--warn:#e3b55a;--bad:#f08f8f}}
*{box-sizing:border-box}
html{font-size:16px;-webkit-text-size-adjust:100%;scroll-padding-top:1rem}
body{margin:0;background:var(--paper);color:var(--ink);font:1rem/1.55 "Iowan Old Style","Palatino Linotype",Palatino,"Book Antiqua",Georgia,"Liberation Serif",serif}
h1,h2,h3{font-weight:400;line-height:1.2;margin:0;text-wrap:balance}
h1{font-size:2.9rem;letter-spacing:-.01em}
h2{font-size:1.75rem;margin:0 0 1rem;padding-top:.6rem;border-top:2px solid var(--rule)}
h2 span{color:var(--soft);margin-right:.7rem;font-variant-numeric:tabular-nums}
h3{font-size:1.2rem;margin:2.2rem 0 .6rem}
p{margin:.6rem 0;max-width:44rem}
a{color:var(--accent)}
a:focus-visible,[role=button]:focus-visible,input:focus-visible,.scroll:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
header,main,footer,nav{max-width:76rem;margin:0 auto;padding:0 1.5rem}
header{padding-top:4.5rem;padding-bottom:2rem}
header .eyebrow{font:600 .8rem/1.4 var(--sans);letter-spacing:.14em;text-transform:uppercase;color:var(--accent);margin:0 0 .8rem}
header .whose{font-size:1.25rem;color:var(--soft);margin:.7rem 0 0}
:root{--sans:"Helvetica Neue","Segoe UI",Helvetica,Arial,"Liberation Sans",sans-serif}
.facts{display:flex;flex-wrap:wrap;gap:.4rem 2.4rem;margin:1.8rem 0 0;font:.85rem/1.5 var(--sans)}
.facts div{min-width:8rem}
.facts dt{color:var(--soft)}
.facts dd{margin:0;font-weight:600}
nav ol{columns:3 14rem;list-style:none;margin:0;padding:1.1rem 0;border-top:1px solid var(--line);border-bottom:1px solid var(--line)}
nav li{padding:.25rem 0;break-inside:avoid}
nav a{text-decoration:none;display:inline-block;padding:.1rem 0}
nav a:hover{text-decoration:underline}
nav span{display:inline-block;width:2rem;color:var(--soft);font-variant-numeric:tabular-nums}
section{margin:3.6rem 0 0}
footer{margin-top:4rem;padding-top:1rem;padding-bottom:3rem;color:var(--soft);font:.8rem/1.5 var(--sans)}
.skip{position:absolute;left:-99rem}
.skip:focus{left:1rem;top:1rem;background:var(--paper);padding:.4rem .8rem}
.note,.none{color:var(--soft);font-size:.92rem}
.verdicts{list-style:none;margin:0;padding:0;border-top:1px solid var(--line)}
.verdicts li{display:grid;grid-template-columns:6.5rem 1fr;gap:1rem;padding:.6rem 0;border-bottom:1px solid var(--line)}
.mark{font:600 .78rem/1.9 var(--sans);letter-spacing:.04em}
.good{color:var(--good)}.warn{color:var(--warn)}.bad{color:var(--bad)}
.heads{display:grid;grid-template-columns:repeat(auto-fit,minmax(13rem,1fr));gap:1.2rem 2rem;margin:1rem 0 1.4rem}
.heads div{border-top:1px solid var(--rule);padding-top:.5rem}
.heads dt{font:.8rem/1.4 var(--sans);color:var(--soft)}
.heads dd{margin:.15rem 0 0;font-size:1.55rem;line-height:1.25;font-variant-numeric:lining-nums tabular-nums;overflow-wrap:anywhere}
.heads dd small{display:block;font:.78rem/1.5 var(--sans);color:var(--soft)}
.scroll{overflow-x:auto;margin:1.1rem 0 1.6rem}
table{border-collapse:collapse;width:100%;font:.8rem/1.4 var(--sans);font-variant-numeric:lining-nums tabular-nums}
caption{text-align:left;font-weight:600;font-size:.88rem;padding:0 0 .5rem}
caption span{display:inline-block;max-width:min(72rem,100vw - 2.5rem);position:sticky;left:0}
th,td{padding:.34rem .7rem .34rem 0;text-align:left;vertical-align:top;font-weight:400;overflow-wrap:break-word}
th:last-child,td:last-child{padding-right:.15rem}
thead th{border-top:1px solid var(--rule);border-bottom:1px solid var(--rule);font-weight:600;vertical-align:bottom;background:var(--paper)}
tbody tr{border-bottom:1px solid var(--line)}
tfoot th,tfoot td{border-top:1px solid var(--line);font-weight:600}
tfoot tr:last-child>*{border-top:1px solid var(--rule);border-bottom:3px double var(--rule)}
.n2 :is(td,th):nth-child(n+2),.n3 :is(td,th):nth-child(n+3),.n4 :is(td,th):nth-child(n+4),.n5 :is(td,th):nth-child(n+5),.n6 :is(td,th):nth-child(n+6),.n7 :is(td,th):nth-child(n+7),.n8 :is(td,th):nth-child(n+8){text-align:right;white-space:nowrap;padding-left:.5rem}
.n2 td:nth-child(n+2)::after,.n3 td:nth-child(n+3)::after,.n4 td:nth-child(n+4)::after,.n5 td:nth-child(n+5)::after,.n6 td:nth-child(n+6)::after,.n7 td:nth-child(n+7)::after,.n8 td:nth-child(n+8)::after{content:")";visibility:hidden}
table .m::after{content:none!important}
thead th.n{padding-right:1.05rem;white-space:normal!important}
thead th.n:last-child{padding-right:.5rem}
.statement tbody tr{border-bottom:0}
.statement th{padding-left:1.2rem}
.statement thead th{padding-left:.5rem}
.statement thead th:first-child,.statement .head th,.statement .sum th{padding-left:0}
.statement .head th{font-weight:600;padding-top:.9rem}
.statement .sum>*{border-top:1px solid var(--rule);font-weight:600}
.statement .odd th{font-style:italic}
.tall{max-height:min(46rem,85vh);overflow:auto}
.tall thead th{position:sticky;top:0;border-top:0;box-shadow:inset 0 1px var(--rule),inset 0 -1px var(--rule)}
thead [role=button]{cursor:pointer}
thead [role=button]::after{content:"";display:inline-block;margin-left:.3em;border:.26em solid transparent;border-top-color:var(--line);transform:translateY(.12em)}
[aria-sort=ascending] [role=button]::after{border-top-color:transparent;border-bottom-color:var(--ink);transform:translateY(-.14em)}
[aria-sort=descending] [role=button]::after{border-top-color:var(--ink)}
.filter{display:flex;flex-wrap:wrap;align-items:center;gap:.3rem .8rem;margin:1.2rem 0 -.4rem;font:.82rem/1.4 var(--sans);color:var(--soft)}
.filter input{font:inherit;color:var(--ink);background:var(--paper);border:1px solid var(--soft);border-radius:2px;padding:.35rem .5rem;width:16rem;max-width:100%}
figure{margin:1.4rem 0 2.2rem}
figcaption{font:600 .88rem/1.4 var(--sans);margin-bottom:.6rem}
figcaption small{font-weight:400;font-size:.8rem;color:var(--soft);margin-left:.4rem}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,26rem),1fr));gap:0 3rem}
.chart{display:block;width:100%;overflow:visible;font:12px/1 var(--sans);font-variant-numeric:lining-nums tabular-nums}
.chart text{fill:var(--ink)}
.chart .tick{fill:var(--soft);font-size:11px}
.chart line{stroke:var(--line)}
.chart .zero{stroke:var(--rule)}
.chart .curve{stroke:var(--bar);stroke-width:2}
.chart .bar{fill:var(--bar)}
.chart .minus{fill:var(--minus)}
.chart .total{fill:var(--total)}
@media (max-width:40rem){html{font-size:15px}header{padding-top:2.2rem}h1{font-size:2.1rem}header,main,footer,nav{padding-left:1rem;padding-right:1rem}nav ol{columns:1}.verdicts li{grid-template-columns:1fr;gap:.1rem}.heads{grid-template-columns:1fr 1fr;gap:1rem}.heads dd{font-size:1.15rem}table{width:auto;min-width:100%}td,th{max-width:14rem}}
@media print{
@page{size:A4;margin:17mm 15mm 18mm;@bottom-right{content:counter(page) " / " counter(pages);font:8pt Helvetica,Arial,sans-serif;color:#56606a}}
@page wide{size:A4 landscape;margin:15mm 15mm 16mm}
html{font-size:9.5pt}
body{line-height:1.45}
header,main,footer,nav{max-width:none;padding:0}
header{padding-top:24mm;padding-bottom:8mm}
section{margin-top:11mm}
.page{break-before:page;margin-top:0}
.wide{page:wide}
nav ol{columns:2}
.skip,.filter{display:none}
.scroll,.tall{overflow:visible;max-height:none;margin:3mm 0 6mm}
.tall thead th{position:static;border-top:1px solid var(--rule);box-shadow:none}
table{font-size:7.6pt}
td,th{padding-top:.22rem;padding-bottom:.22rem}
thead{display:table-header-group}
.statement :is(td,th){padding-top:.1rem;padding-bottom:.1rem}
.statement .head th{padding-top:.4rem}
tfoot{display:table-row-group}
tr,figure,.book,.whole,.heads div,.verdicts li{break-inside:avoid}
.scroll::before{content:"";display:block;height:34mm;margin-bottom:-34mm;break-inside:avoid}
.whole::before{content:none}
tfoot{break-before:avoid}
.tall~.tall,.sheet~.sheet{break-before:page}
.charts{grid-template-columns:1fr 1fr;gap:0 8mm}
.heads{grid-template-columns:repeat(4,1fr)}
.heads dd{font-size:1.25rem}
tbody:has(+tfoot) tr:last-child{break-after:avoid}
tr[hidden]{display:table-row!important}
h2,h3,caption,figcaption{break-after:avoid}
thead [role=button]::after{content:none!important}
a{color:inherit;text-decoration:none}
.bar,.minus,.total{print-color-adjust:exact;-webkit-print-color-adjust:exact}
}
$css$
$sql$;
COMMENT ON FUNCTION acct._pack_style() IS 'The stylesheet of the month-end pack.';
