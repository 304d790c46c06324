/*
 * ledger_target.c
 *		Writing to a ledger partition (see ledger_target.h).
 */
#include "post/ledger_target.h"

#include "access/table.h"
#include "catalog/pg_type.h"
#include "nodes/bitmapset.h"
#include "nodes/nodes.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"

/* What every line satisfies, as the server writes it. */
#define ONE_SIDE_CHECK "chk_one_side"
#define ONE_SIDE                                                 \
	"((debit >= (0)::numeric) AND (credit >= (0)::numeric) AND " \
	"((debit = (0)::numeric) OR (credit = (0)::numeric)))"

/* Rows of the two have the same stored form. */
static bool
same_layout(TupleDesc a, TupleDesc b)
{
	if (a->natts != b->natts)
		return false;
	for (int i = 0; i < a->natts; i++)
	{
		Form_pg_attribute x = TupleDescAttr(a, i);
		Form_pg_attribute y = TupleDescAttr(b, i);

		if (x->attisdropped || y->attisdropped || x->atttypid != y->atttypid ||
			x->atttypmod != y->atttypmod || strcmp(NameStr(x->attname), NameStr(y->attname)) != 0)
			return false;
	}
	return true;
}

/* The CHECK of that name is the engine's, and not another one that a site put in its place. */
static bool
has_own_check(Relation rel)
{
	TupleConstr *constr = RelationGetDescr(rel)->constr;
	List *names = deparse_context_for(RelationGetRelationName(rel), RelationGetRelid(rel));

	for (int i = 0; constr != NULL && i < constr->num_check; i++)
		if (strcmp(constr->check[i].ccname, ONE_SIDE_CHECK) == 0)
			return strcmp(deparse_expression(stringToNode(constr->check[i].ccbin), names, false,
											 false),
						  ONE_SIDE) == 0;
	return false;
}

/* Each column of staging is in the ledger. */
static void
require_columns(Relation ledger, TupleDesc staging)
{
	for (int i = 0; i < staging->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(staging, i);

		if (att->attisdropped ||
			column_number(RelationGetDescr(ledger), NameStr(att->attname)) != InvalidAttrNumber)
			continue;
		ereport(ERROR, (errcode(ERRCODE_LE_BAD_LAYOUT),
						errmsg("table %s has no column %s", RelationGetRelationName(ledger),
							   NameStr(att->attname)),
						errdetail("Staging has it, and its values would be lost."),
						errhint("Dimensions are added with acct.add_dimension().")));
	}
}

void
ledger_target_open(LedgerTarget *target, Oid partition, TupleDesc staging, bool is_header,
				   IndexBuilds *index_builds)
{
	static const char *const own_checks[] = {ONE_SIDE_CHECK, NULL};
	static const char *const added[] = {"je_number", "posted_at", NULL};
	BulkWriterOptions options = {.filled = added, .index_builds = index_builds};
	Bitmapset *filled = NULL;
	Bitmapset *nullable = NULL;
	Relation rel = table_open(partition, RowExclusiveLock);
	TupleDesc ledger = RelationGetDescr(rel);

	require_columns(rel, staging);
	if (has_own_check(rel))
		options.held_checks = own_checks;
	target->ncarried =
		columns_carried(staging, ledger, added, &target->carried, &filled, &nullable);
	if (is_header)
	{
		target->je_number = column_find(ledger, RelationGetRelationName(rel), "je_number", TEXTOID);
		target->posted_at =
			column_find(ledger, RelationGetRelationName(rel), "posted_at", TIMESTAMPTZOID);
	}
	target->same_layout = same_layout(staging, ledger);
	target->values = palloc0_array(Datum, ledger->natts);
	target->isnull = palloc_array(bool, ledger->natts);
	memset(target->isnull, true, ledger->natts);
	table_close(rel, NoLock);
	options.also_filled = filled;
	options.nullable = nullable;
	target->writer = bulk_writer_open(partition, &options);
	if (target->same_layout && bulk_writer_sink(target->writer) == BULK_TO_PAGES)
		target->file = bulk_writer_page_file(target->writer);
}

void
ledger_target_put(LedgerTarget *target, TupleTableSlot *slot)
{
	columns_carry(target->carried, target->ncarried, slot, target->values, target->isnull);
	bulk_writer_put(target->writer, target->values, target->isnull);
}

void
ledger_target_close(LedgerTarget *target)
{
	bulk_writer_close(target->writer);
}
