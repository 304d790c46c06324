// Opens the pages that test/pack/run has written: pack.html, a month with texts that try to become markup, and empty.html.
import {createRequire} from 'node:module';
import {execFileSync} from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

const work = process.argv[2], shots = process.env.PACK_SHOTS;
const require = createRequire(path.join(process.env.MODULES, 'node_modules', 'x.js'));
const puppeteer = require('puppeteer-core');
const axe = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const url = name => 'file://' + path.join(work, name);

let passed = 0, failed = 0;
function check(name, is, detail) {
	console.log((is ? 'ok ' : 'not ok ') + (passed + failed + 1) + ' - ' + name);
	if (is) { passed++; } else { failed++; console.log('# ' + JSON.stringify(detail)); }
}
const same = (name, found, expected) => check(name, JSON.stringify(found) === JSON.stringify(expected), {found, expected});

const browser = await puppeteer.launch({executablePath: process.env.BROWSER, args: ['--no-sandbox', '--disable-gpu'], userDataDir: path.join(work, 'profile')});
const page = await browser.newPage();
let said = [], requests = [];
page.on('console', m => said.push(m.text()));
page.on('pageerror', e => said.push(e.message));
page.on('request', r => requests.push(r.url()));

async function open(name, options = {}) {
	const {width = 1280, mode = 'light'} = options;
	await page.setViewport({width, height: 900, isMobile: width < 500});
	await page.emulateMediaFeatures([{name: 'prefers-color-scheme', value: mode}]);
	said = []; requests = [];
	await page.goto(url(name));
}
async function shot(name, height) {
	if (shots) { await page.screenshot({path: path.join(shots, name), clip: {x: 0, y: 0, width: page.viewport().width, height}, captureBeyondViewport: true}); }
}

// The page as it is
await open('pack.html');
same('the browser has nothing to say', said, []);
same('nothing else is loaded', requests.filter(r => !r.endsWith('/pack.html')), []);
same('hostile texts run no script and make no element',
	await page.evaluate(() => [window.hit === undefined, document.images.length, document.scripts.length, document.querySelectorAll('style').length]), [true, 0, 1, 1]);
same('they are shown as they are', await page.evaluate(() => {
	const all = document.body.textContent;
	return ["</td></table><script>window.hit=1</script> Bank & 'sons'\"", '<img src=x onerror="window.hit=2">', 'Paid back <img src=x onerror="window.hit=3"> by hand'].map(t => all.includes(t));
}), [true, true, true]);
same('the contents lead to each section', await page.evaluate(() => Array.from(document.querySelectorAll('nav a')).map(a => document.querySelector(a.getAttribute('href')).querySelector('h2').textContent === a.textContent).every(Boolean)), true);
same('each chart has a title, a description and ticks', await page.evaluate(() => Array.from(document.querySelectorAll('svg'))
	.filter(s => !(s.querySelector('title').textContent && s.querySelector('desc').textContent.length > 10 && s.querySelectorAll('.tick').length > 1)).length), 0);
await shot('light.png', 1500);

// Figures stand at the decimal point, whether they are in brackets or not.
same('figures of a column end at one place', await page.evaluate(() => {
	const table = document.getElementById('balances-1'), ends = [];
	for (const row of table.tBodies[0].rows) {
		const text = row.cells[7].firstChild, range = document.createRange();
		if (text.data.length < 3) { continue; }
		range.setStart(text, 0);
		range.setEnd(text, text.data.endsWith(')') ? text.data.length - 1 : text.data.length);
		ends.push(range.getBoundingClientRect().right);
	}
	return [ends.length > 20, Math.max(...ends) - Math.min(...ends) < 0.6];
}), [true, true]);

// Sorting
const column = (table, at) => page.evaluate((table, at) => Array.from(document.getElementById(table).tBodies[0].rows).map(r => r.cells[at].textContent), table, at);
const number = t => t === '–' ? 0 : (t.startsWith('(') ? -1 : 1) * parseFloat(t.replace(/[(),]/g, ''));
const sorted = (list, by) => list.every((x, i) => i === 0 || by(list[i - 1]) <= by(x));
const heads = await page.$$('#balances-1 thead [role=button]');
await heads[7].click();
check('a click sorts by figures', sorted(await column('balances-1', 7), number));
same('which is said', await heads[7].evaluate(h => h.parentNode.getAttribute('aria-sort')), 'ascending');
await heads[7].press('Enter');
check('Enter sorts the other way', sorted(await column('balances-1', 7), t => -number(t)));
await heads[1].press('Space');
check('Space sorts by text', sorted(await column('balances-1', 1), t => t));
same('one column at a time is sorted', await page.evaluate(() => document.querySelectorAll('#balances-1 [aria-sort]').length), 1);

// Filtering
const visible = () => page.evaluate(() => Array.from(document.getElementById('balances-1').tBodies[0].rows).filter(r => r.offsetHeight > 0).map(r => r.textContent));
const all = await visible(), total = await page.evaluate(() => document.getElementById('balances-1').tFoot.textContent);
await page.type('#balances-1-filter', 'tabarru liab');
const some = await visible();
check('a filter shows the rows that have its words', some.length > 0 && some.length < all.length && some.every(t => /tabarru/i.test(t) && /liab/i.test(t))
	&& some.length === all.filter(t => /tabarru/i.test(t) && /liab/i.test(t)).length, some);
same('it says how many', await page.evaluate(() => document.querySelector('.filter output').textContent), `${some.length} of ${all.length} rows; totals are of all rows`);
same('totals stay', await page.evaluate(() => document.getElementById('balances-1').tFoot.textContent), total);

// On paper, with the filter set
const pdf = path.join(work, 'pack.pdf');
await page.pdf({path: pdf, preferCSSPageSize: true, printBackground: true});
const info = execFileSync('pdfinfo', ['-l', '-1', pdf], {encoding: 'utf8'});
const sizes = Array.from(info.matchAll(/size: +([0-9.]+) x ([0-9.]+) pts/g)).map(m => [m[1], m[2]].map(x => Math.round(x)).sort().join(' x '));
const pages = execFileSync('pdftotext', ['-layout', pdf, '-'], {encoding: 'utf8'}).split('\f').slice(0, -1).map(t => t.split('\n').map(l => l.trim()).filter(Boolean));
same('every page is A4', sizes.filter(s => s !== '595 x 842'), []);
same('each has its number', pages.map(p => p[p.length - 1]), pages.map((p, i) => `${i + 1} / ${pages.length}`));
check('the first page has the title, the contents and the summary', ['January 2025', 'Balanced', 'Reconciled'].every(t => pages[0].some(l => l.includes(t))), pages[0]);
const firsts = pages.map(p => p[0]);
same('statements, trial balance, reconciliation and runs begin a page', ['Statements', 'Trial balance', 'Movements', 'Reconciliation', 'Exceptions and waivers', 'Runs'].filter(t => !firsts.some(f => /^[0-9]+ /.test(f) && f.endsWith(t))), []);
const ledger = pages.filter(p => p.some(l => /^(INVEST|OPERATOR|TABARRU|TANAHUD) +[0-9]{4} /.test(l)));
check('the trial balance takes several pages, and its headings are on each', ledger.length > 2 && ledger.every(p => p.some(l => /^Fund +Account +Description/.test(l))), ledger.map(p => p[0]));
check('rows that are filtered out are printed', all.length === ledger.reduce((n, p) => n + p.filter(l => /^(INVEST|OPERATOR|TABARRU|TANAHUD) +[0-9]{4} /.test(l)).length, 0)
	- await page.evaluate(() => Array.from(document.querySelectorAll('table[id^=balances-]')).slice(1).reduce((n, t) => n + t.tBodies[0].rows.length, 0)), ledger.length);
same('no page ends with the heading of a table', pages.filter(p => /^(Fund|Line|Figure|Run|Template|Entity|Transaction) {2,}/.test(p[p.length - 2])), []);
check('no statement is cut', ['Profit and loss', 'Balance sheet'].every((t, i) => {
	const own = pages.filter(p => p.some(l => l.startsWith(t + ': ') || l.startsWith(t + ' by fund: ')));
	return own.length >= 4 && own.every(p => p.some(l => l.startsWith(['Result of all funds', 'Total liabilities, equity'][i])));
}), firsts);
check('the pages are about as many as the figures need', pages.length >= 15 && pages.length <= 60, pages.length);

// Accessibility, in each view
await page.setBypassCSP(true);
for (const [name, options] of [['pack.html', {}], ['pack.html', {mode: 'dark'}], ['pack.html', {width: 390}], ['empty.html', {}]]) {
	await open(name, options);
	await page.evaluate(axe);
	const found = await page.evaluate(() => window.axe.run());
	same(`axe-core finds nothing in ${name} ${JSON.stringify(options)}`, found.violations.map(v => [v.id, v.nodes.length, v.nodes[0].html.slice(0, 200)]), []);
}
await page.setBypassCSP(false);
await open('pack.html', {mode: 'dark'});
same('dark is dark', await page.evaluate(() => getComputedStyle(document.body).backgroundColor), 'rgb(20, 24, 28)');
await shot('dark.png', 1500);
await page.emulateMediaType('print');
same('paper is white', await page.evaluate(() => getComputedStyle(document.body).backgroundColor), 'rgb(255, 255, 255)');
await page.emulateMediaType('screen');
await open('pack.html', {width: 390});
same('a phone shows it without scrolling sideways', await page.evaluate(() => document.documentElement.scrollWidth), 390);
same('wide tables are scrolled by keyboard there', await page.evaluate(() => Array.from(document.querySelectorAll('.scroll')).filter(s => s.scrollWidth > s.clientWidth && s.tabIndex !== 0).length), 0);
await shot('phone.png', 2000);
await open('empty.html');
same('a month without entries has nothing to say either', said, []);
check('and says that it has none', (await page.evaluate(() => document.body.textContent)).includes('No run has transactions or journals of the month.'));
// Without its script the page is all there.
await page.setJavaScriptEnabled(false);
await open('pack.html');
check('without its script the page has all rows', (await page.$$('#balances-1 tbody tr')).length === all.length && (await page.$$('[role=button]')).length === 0);
await browser.close();
if (shots) { for (const f of ['pack.html', 'pack.pdf']) { fs.copyFileSync(path.join(work, f), path.join(shots, f)); } }
console.log(`${passed} passed, ${failed} failed, 0 skipped`);
process.exit(failed ? 1 : 0);
