/*
 * post_seals.c
 *		Seals of the run that is posted (see post_seals.h).
 *
 * Headers are numbered in the order in which they are written, so that each
 * section of them is in order. Lines that are written one by one come in any
 * order, and are sorted; those that are copied by page are merged
 * (line_seals.h).
 */
#include "post/post_seals.h"

#include "common/settings_scope.h"
#include "seal/seal_rows.h"
#include "seal/seal_writer.h"

#include "access/table.h"
#include "utils/lsyscache.h"

struct PostSeals
{
	Post *post;
	Hasher *hasher;
	Spool *spool;
	RowForm *header_form;
	RowForm *line_form;
	SealRows *headers;
	SealRows *lines;
	List *sections; /* complete */
	StringInfoData row;
	int scope; /* of pinned settings; 0: there are none */
};

/* The functions of 0.1.0 post with this library, too, until the extension and its layout are updated. */
static bool
layout_has_seals(void)
{
	return OidIsValid(get_relname_relid("ledger_seal", ledger_engine_schema()));
}

RowForm *
post_seals_form(const char *table, RowKind kind)
{
	Relation rel = table_open(ledger_engine_table(table), AccessShareLock);
	RowForm *form = form_of_table(RelationGetDescr(rel), kind);

	table_close(rel, AccessShareLock);
	return form;
}

PostSeals *
post_seals_open(Post *post)
{
	PostSeals *seals;

	if (!layout_has_seals())
		return NULL;
	seals = palloc0_object(PostSeals);
	seals->post = post;
	seals->hasher = hasher_open();
	seals->spool = spool_open();
	seals->header_form = post_seals_form("ledger_entry_header", ROW_HEADER);
	seals->line_form = post_seals_form("ledger_entry_line", ROW_LINE);
	seals->headers = seal_rows_open(seals->header_form, seals->hasher, seals->spool, true);
	seals->lines = seal_rows_open(seals->line_form, seals->hasher, seals->spool, false);
	initStringInfo(&seals->row);
	if (form_prints(seals->header_form) || form_prints(seals->line_form))
		seals->scope = settings_scope_open_pinned();
	return seals;
}

BoundForm *
post_seals_bind(PostSeals *seals, RowKind kind, TupleDesc tupdesc, const char *table)
{
	if (seals == NULL)
		return NULL;
	return form_bind(kind == ROW_HEADER ? seals->header_form : seals->line_form, tupdesc, table);
}

void
post_seals_add(PostSeals *seals, BoundForm *form, const Datum *values, const bool *isnull)
{
	SealRows *rows;
	RowKey key;

	if (seals == NULL)
		return;
	rows = form_of(form)->kind == ROW_HEADER ? seals->headers : seals->lines;
	resetStringInfo(&seals->row);
	form_encode(form, values, isnull, &seals->row, &key);
	if (!seal_rows_put(rows, &key, seals->row.data, seals->row.len))
		elog(ERROR, "journals were not written in the order of their numbers");
}

bool
post_seals_add_line(PostSeals *seals, BoundForm *form, const Line *line)
{
	RowKey key;

	resetStringInfo(&seals->row);
	return form_encode_line(form, line, &seals->row, &key) &&
		   seal_rows_put(seals->lines, &key, seals->row.data, seals->row.len);
}

bool
post_seals_have_lines(PostSeals *seals, DateADT month, Code fund, Code account)
{
	return seal_rows_have(seals->lines, month, fund, account);
}

void
post_seals_take(PostSeals *seals, List *sections)
{
	seals->sections = list_concat(seals->sections, sections);
}

void
post_seals_drop(PostSeals *seals, DateADT month, Code fund, Code account)
{
	List *kept = NIL;
	ListCell *lc;
	Code utf8_fund = form_code(fund);
	Code utf8_account = form_code(account);

	foreach(lc, seals->sections)
	{
		const SectionRecord *record = lfirst(lc);

		if (record->key.kind != ROW_LINE || record->key.month != month ||
			!code_equal(record->key.fund, utf8_fund) ||
			!code_equal(record->key.account, utf8_account))
			kept = lappend(kept, lfirst(lc));
	}
	list_free(seals->sections);
	seals->sections = kept;
}

Hasher *
post_seals_hasher(PostSeals *seals)
{
	return seals->hasher;
}

Spool *
post_seals_spool(PostSeals *seals)
{
	return seals->spool;
}

void
post_seals_write(PostSeals *seals)
{
	Sealed sealed = {0};

	if (seals == NULL)
		return;
	post_seals_take(seals, seal_rows_close(seals->headers));
	post_seals_take(seals, seal_rows_close(seals->lines));
	sealed.run_id = seals->post->run_id;
	sealed.header_form = seals->header_form;
	sealed.line_form = seals->line_form;
	sealed.spool = seals->spool;
	sealed.sections = seals->sections;
	if (seals->scope != 0)
		settings_scope_close(seals->scope);
	seal_write(&sealed, seals->hasher);
}

void
post_seals_close(PostSeals *seals)
{
	if (seals == NULL)
		return;
	spool_close(seals->spool);
	hasher_close(seals->hasher);
}
