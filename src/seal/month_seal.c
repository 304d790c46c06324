/*
 * month_seal.c
 *		acct._seal_month(): seals what was posted to a month of a book before there
 *		were seals.
 */
#include "common/progress.h"
#include "common/query.h"
#include "common/settings_scope.h"
#include "seal/seal_rows.h"
#include "seal/seal_writer.h"

#include "common/month.h"

#include "access/table.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

LEDGER_FUNCTION(ledger_seal_month);

/* Rows of one kind on their way to sections. */
typedef struct MonthRows
{
	RowForm *form;
	BoundForm *bound; /* to the rows of the query, from the first one on */
	SealRows *rows;
	MemoryContext context;
	MemoryContext row_context;
	StringInfoData row;
} MonthRows;

static void
take_row(TupleTableSlot *slot, void *arg)
{
	MonthRows *month = arg;
	MemoryContext old;
	RowKey key;

	CHECK_FOR_INTERRUPTS();
	slot_getallattrs(slot);
	if (month->bound == NULL)
	{
		old = MemoryContextSwitchTo(month->context);
		month->bound = form_bind(month->form, slot->tts_tupleDescriptor, "ledger_entry");
		MemoryContextSwitchTo(old);
	}
	old = MemoryContextSwitchTo(month->row_context);
	resetStringInfo(&month->row);
	form_encode(month->bound, slot->tts_values, slot->tts_isnull, &month->row, &key);
	(void) seal_rows_put(month->rows, &key, month->row.data, month->row.len);
	MemoryContextSwitchTo(old);
	MemoryContextReset(month->row_context);
	progress_add(1);
}

/* The sections of a table's rows of the month and book that belong to no run with a seal of its own. */
static List *
month_sections(Oid table, RowForm *form, DateADT month, Datum entity, Datum basis, Hasher *hasher,
			   Spool *spool)
{
	MonthRows *rows = palloc0_object(MonthRows);
	QueryArgs args = {0};
	List *sections;

	rows->form = form;
	rows->rows = seal_rows_open(form, hasher, spool, false);
	rows->context = CurrentMemoryContext;
	rows->row_context =
		AllocSetContextCreate(CurrentMemoryContext, "row of a month", ALLOCSET_DEFAULT_SIZES);
	initStringInfo(&rows->row);
	query_arg(&args, TEXTOID, entity);
	query_arg(&args, TEXTOID, basis);
	query_arg(&args, DATEOID, DateADTGetDatum(month));
	query_arg(&args, DATEOID, DateADTGetDatum(month_after(month, 1)));
	query_each_row(
		psprintf(
			"SELECT x.* FROM %s AS x WHERE x.entity_code = $1 AND x.basis = $2 AND x.je_date >= $3 AND x.je_date < $4 "
			"AND NOT EXISTS (SELECT FROM acct.ledger_seal AS s WHERE s.kind = 'run' AND s.run_id = x.run_id "
			"AND s.entity_code = x.entity_code AND s.basis = x.basis)",
			quote_qualified_identifier(get_namespace_name(get_rel_namespace(table)),
									   get_rel_name(table))),
		&args, take_row, rows);
	sections = seal_rows_close(rows->rows);
	MemoryContextDelete(rows->row_context);
	return sections;
}

static RowForm *
form_of_relation(Oid table, RowKind kind)
{
	Relation rel = table_open(table, AccessShareLock);
	RowForm *form = form_of_table(RelationGetDescr(rel), kind);

	table_close(rel, NoLock);
	return form;
}

Datum
ledger_seal_month(PG_FUNCTION_ARGS)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(caller, "month seal", ALLOCSET_DEFAULT_SIZES);
	Sealed sealed = {.month = PG_GETARG_DATEADT(0)};
	Hasher *hasher = hasher_open();
	int scope;

	query_open();
	scope = settings_scope_open_pinned();
	MemoryContextSwitchTo(context);
	sealed.spool = spool_open();
	sealed.header_form = form_of_relation(PG_GETARG_OID(3), ROW_HEADER);
	sealed.line_form = form_of_relation(PG_GETARG_OID(4), ROW_LINE);
	sealed.sections =
		list_concat(month_sections(PG_GETARG_OID(3), (RowForm *) sealed.header_form, sealed.month,
								   PG_GETARG_DATUM(1), PG_GETARG_DATUM(2), hasher, sealed.spool),
					month_sections(PG_GETARG_OID(4), (RowForm *) sealed.line_form, sealed.month,
								   PG_GETARG_DATUM(1), PG_GETARG_DATUM(2), hasher, sealed.spool));
	settings_scope_close(scope);
	seal_write(&sealed, hasher);
	spool_close(sealed.spool);
	MemoryContextSwitchTo(caller);
	query_close();
	hasher_close(hasher);
	MemoryContextDelete(context);
	PG_RETURN_VOID();
}
