/*
 * row_seals.c
 *		Seals of rows (see row_seals.h).
 */
#include "check/row_seals.h"

#include "common/query.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

/* A seal of a month is that of several runs. */
typedef struct SealNumber
{
	CodeKey key; /* seal_id; the kind of rows */
	int32 number;
} SealNumber;

typedef struct FoundSeal
{
	MemoryContext context;
	RowSeal *seal;
} FoundSeal;

void
row_seals_open(RowSeals *seals, DateADT month)
{
	memset(seals, 0, sizeof(RowSeals));
	seals->month = month;
	seals->context = CurrentMemoryContext;
	code_map_init(&seals->seals, "seals", sizeof(RowSeal), seals->context);
	code_map_keep_index(&seals->seals);
	code_map_init(&seals->numbers, "numbers of seals", sizeof(SealNumber), seals->context);
}

/* The form of the rows of a seal. */
static void
take_seal(TupleTableSlot *slot, void *arg)
{
	FoundSeal *found = arg;
	char *columns = query_text(slot, 1);

	found->seal->seal_id = DatumGetInt64(query_value(slot, 0, 0));
	if (columns != NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(found->context);

		found->seal->form = form_from_text(columns, (RowKind) found->seal->key.number);
		MemoryContextSwitchTo(old);
	}
}

static int32
seal_number(RowSeals *seals, const RowSeal *seal)
{
	CodeKey key = {.number = seal->key.number, .ncodes = 1};
	SealNumber *number;
	bool found;

	if (seal->seal_id == 0)
		return seals->nseals++;
	key.codes[0].data = (const char *) &seal->seal_id;
	key.codes[0].len = sizeof(seal->seal_id);
	number = code_map_enter(&seals->numbers, &key, &found);
	if (!found)
		number->number = seals->nseals++;
	return number->number;
}

static void
load_seal(RowSeals *seals, RowSeal *seal)
{
	QueryArgs args = {0};
	FoundSeal found = {seals->context, seal};

	query_arg(&args, INT8OID, Int64GetDatum(seal->run_id));
	query_arg(&args, TEXTOID, code_to_datum(seal->key.codes[0]));
	query_arg(&args, TEXTOID, code_to_datum(seal->key.codes[1]));
	query_arg(&args, DATEOID, DateADTGetDatum(seals->month));
	query_arg(&args, INT4OID, Int32GetDatum(seal->key.number));
	query_each_row_kept(
		"SELECT s, acct._seal_columns(s, $5) FROM acct._seal_of_rows($1, $2, $3, $4) AS s", &args,
		take_seal, &found);
	seal->number = seal_number(seals, seal);
}

static void
bind(RowSeals *seals, RowSeal *seal, Relation table)
{
	MemoryContext old = MemoryContextSwitchTo(seals->context);

	seal->bound = form_bind(seal->form, RelationGetDescr(table), RelationGetRelationName(table));
	seals->bound = lappend(seals->bound, seal);
	MemoryContextSwitchTo(old);
}

RowSeal *
row_seals_find(RowSeals *seals, Relation table, RowKind kind, int64 run_id, Code entity, Code basis)
{
	RowSeal *seal = seals->last;
	CodeKey key = {.number = kind, .ncodes = 3};
	bool found;

	if (seal != NULL && seal->run_id == run_id && seal->key.number == (int32) kind &&
		code_equal(seal->key.codes[0], entity) && code_equal(seal->key.codes[1], basis))
		return seal;
	key.codes[0] = entity;
	key.codes[1] = basis;
	key.codes[2].data = (const char *) &run_id;
	key.codes[2].len = sizeof(run_id);
	seal = code_map_enter(&seals->seals, &key, &found);
	if (!found)
	{
		seal->run_id = run_id;
		load_seal(seals, seal);
	}
	if (seal->form != NULL && seal->bound == NULL)
		bind(seals, seal, table);
	seals->last = seal;
	return seal;
}

void
row_seals_unbind(RowSeals *seals)
{
	ListCell *cell;

	foreach(cell, seals->bound)
		((RowSeal *) lfirst(cell))->bound = NULL;
	list_free(seals->bound);
	seals->bound = NIL;
	seals->last = NULL;
}
