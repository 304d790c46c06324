-- The months of each book: open or closed, with numbers of journals and lines.
SELECT entity_code, basis, month, is_closed, is_archived, journals, lines, year_begin, year_end
  FROM acct_bi.calendar
 WHERE true [[AND entity_code = {{entity}}]] [[AND month <= {{month}}::date]]
 ORDER BY entity_code, basis, month DESC
