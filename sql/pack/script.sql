-- What can be done with the tables of the month-end pack: without the script they are all there, and just cannot be sorted or filtered.

CREATE FUNCTION acct._pack_script() RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $sql$
    SELECT $js$
(function () {
'use strict';
var order = new Intl.Collator('en', {numeric: true}), dash = String.fromCharCode(8211);

function text(cell) { return cell ? cell.textContent.trim() : ''; }

// (1,234.50) is negative, a dash is 0, and an empty cell is no figure.
function figure(cell) {
	var t = text(cell), minus = t.charAt(0) === '(', n;
	if (t === '') { return null; }
	if (t === dash) { return 0; }
	n = parseFloat(t.replace(/[(),]/g, ''));
	return minus ? -n : n;
}

function sort(table, head) {
	var body = table.tBodies[0], at = head.cellIndex, isFigure = head.classList.contains('n'),
		sign = head.getAttribute('aria-sort') === 'ascending' ? -1 : 1,
		rows = Array.prototype.map.call(body.rows, function (row) {
			return {row: row, key: isFigure ? figure(row.cells[at]) : text(row.cells[at])};
		});
	rows.sort(function (a, b) {
		if (!isFigure) { return sign * order.compare(a.key, b.key); }
		if (a.key === null || b.key === null) { return (a.key === null) - (b.key === null); }
		return sign * (a.key - b.key);
	});
	rows.forEach(function (r) { body.appendChild(r.row); });
	Array.prototype.forEach.call(table.tHead.rows[0].cells, function (h) { h.removeAttribute('aria-sort'); });
	head.setAttribute('aria-sort', sign === 1 ? 'ascending' : 'descending');
}

// A real button is not painted where a printed page repeats the headings.
function addSorting(table) {
	Array.prototype.forEach.call(table.tHead.rows[0].cells, function (head) {
		var button = document.createElement('span');
		button.setAttribute('role', 'button');
		button.tabIndex = 0;
		while (head.firstChild) { button.appendChild(head.firstChild); }
		button.addEventListener('click', function () { sort(table, head); });
		button.addEventListener('keydown', function (event) {
			if (event.key === 'Enter' || event.key === ' ') {
				event.preventDefault();
				sort(table, head);
			}
		});
		head.appendChild(button);
	});
}

function addFilter(table) {
	var box = document.createElement('div'), label = document.createElement('label'), input = document.createElement('input'),
		shown = document.createElement('output'), rows = table.tBodies[0].rows;
	box.className = 'filter';
	input.type = 'search';
	input.id = table.id + '-filter';
	label.htmlFor = shown.htmlFor = input.id;
	label.textContent = 'Filter rows of ' + text(table.caption);
	input.addEventListener('input', function () {
		var words = input.value.toLowerCase().split(' ').filter(Boolean), count = 0;
		Array.prototype.forEach.call(rows, function (row) {
			var t = row.textContent.toLowerCase();
			row.hidden = !words.every(function (w) { return t.indexOf(w) >= 0; });
			count += row.hidden ? 0 : 1;
		});
		shown.textContent = words.length ? count + ' of ' + rows.length + ' rows; totals are of all rows' : '';
	});
	box.append(label, input, shown);
	table.parentNode.before(box);
}

// What is wider than its place is scrolled by keyboard, too.
function addScrolling() {
	document.querySelectorAll('.scroll').forEach(function (box) {
		var table = box.querySelector('table');
		if (box.scrollWidth > box.clientWidth || box.scrollHeight > box.clientHeight) {
			box.tabIndex = 0;
			box.setAttribute('role', 'region');
			box.setAttribute('aria-label', text(table.caption));
		} else {
			box.removeAttribute('tabindex');
			box.removeAttribute('role');
			box.removeAttribute('aria-label');
		}
	});
}

document.querySelectorAll('table.data').forEach(function (table) {
	addSorting(table);
	if (table.tBodies[0].rows.length > 8) { addFilter(table); }
});
addScrolling();
window.addEventListener('resize', addScrolling);
}());
$js$
$sql$;
COMMENT ON FUNCTION acct._pack_script() IS 'The script of the month-end pack, which sorts and filters tables and needs no other resource.';
