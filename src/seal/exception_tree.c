/*
 * exception_tree.c
 *		The tree over exceptions (see exception_tree.h).
 *
 * What happens to an exception later, a waiver or another run, is not in it:
 * that has seals of its own.
 */
#include "seal/exception_tree.h"

#include "common/query.h"
#include "seal/form.h"
#include "seal/leaf.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#define COLUMNS \
	"line_no:i2,message:text,reason:text,template_code:text,template_version:i4,txn_id:i8,txn_month:date"

typedef struct ExceptionTree
{
	RowForm *form;
	BoundForm *bound; /* to the rows of the query, from the first one on */
	MemoryContext context;
	MemoryContext row_context;
	MerkleTree tree;
	StringInfoData row;
	LeafWriter leaf;
	int64 count;
} ExceptionTree;

static void
add_exception(TupleTableSlot *slot, void *arg)
{
	ExceptionTree *tree = arg;
	MemoryContext old;

	CHECK_FOR_INTERRUPTS();
	slot_getallattrs(slot);
	if (tree->bound == NULL)
	{
		old = MemoryContextSwitchTo(tree->context);
		tree->bound = form_bind(tree->form, slot->tts_tupleDescriptor, "je_exception");
		MemoryContextSwitchTo(old);
	}
	old = MemoryContextSwitchTo(tree->row_context);
	resetStringInfo(&tree->row);
	form_encode(tree->bound, slot->tts_values, slot->tts_isnull, &tree->row, NULL);
	MemoryContextSwitchTo(old);
	MemoryContextReset(tree->row_context);
	leaf_add(&tree->leaf, tree->row.data, tree->row.len);
	tree->count++;
}

Sha256
exception_root(int64 run_id, Code basis, Hasher *hasher, int64 *count)
{
	ExceptionTree *tree = palloc0_object(ExceptionTree);
	QueryArgs args = {0};
	Sha256 root;

	tree->form = form_from_text(COLUMNS, ROW_EXCEPTION);
	tree->context = CurrentMemoryContext;
	tree->row_context =
		AllocSetContextCreate(CurrentMemoryContext, "exception", ALLOCSET_SMALL_SIZES);
	merkle_init(&tree->tree, hasher);
	initStringInfo(&tree->row);
	leaf_open(&tree->leaf, EXCEPTION_LEAF, EXCEPTIONS_IN_LEAF, &tree->tree);
	query_arg(&args, INT8OID, Int64GetDatum(run_id));
	query_arg(&args, TEXTOID, code_to_datum(basis));
	query_each_row_kept(
		"SELECT e.line_no, e.message, e.reason, e.template_code, e.template_version, e.txn_id, e.txn_month "
		"FROM acct.je_exception AS e WHERE e.run_id = $1 AND e.basis = $2 "
		"ORDER BY e.txn_id, e.txn_month",
		&args, add_exception, tree);
	leaf_end(&tree->leaf);
	root = merkle_root(&tree->tree);
	*count = tree->count;
	MemoryContextDelete(tree->row_context);
	pfree(tree->row.data);
	leaf_close(&tree->leaf);
	pfree(tree);
	return root;
}
