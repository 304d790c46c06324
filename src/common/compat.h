/*
 * compat.h
 *		One place for what differs between the server versions 15 to 18.
 */
#ifndef LEDGER_COMPAT_H
#define LEDGER_COMPAT_H

#include "executor/executor.h"
#include "nodes/tidbitmap.h"

#if PG_VERSION_NUM < 150000 || PG_VERSION_NUM >= 190000
#error "ledger_engine supports PostgreSQL 15 to 18"
#endif

#ifndef HAVE_INT128
#error "ledger_engine needs a compiler with 128-bit integers"
#endif

/* 16 renamed RelFileNode. */
#if PG_VERSION_NUM >= 160000
#define relation_locator(rel) (&(rel)->rd_locator)
#else
#define relation_locator(rel) (&(rel)->rd_node)
#endif

#if PG_VERSION_NUM >= 160000
#define set_new_relation_file(rel, persistence) RelationSetNewRelfilenumber(rel, persistence)
#else
#define set_new_relation_file(rel, persistence) RelationSetNewRelfilenode(rel, persistence)
#endif

/* 16 made one function of those that check a right. Its users include miscadmin.h and utils/acl.h. */
#if PG_VERSION_NUM >= 160000
#define right_to_execute(function) \
	object_aclcheck(ProcedureRelationId, function, GetUserId(), ACL_EXECUTE)
#else
#define right_to_execute(function) pg_proc_aclcheck(function, GetUserId(), ACL_EXECUTE)
#endif

/* 18 counts pages that are frozen, too. */
#if PG_VERSION_NUM >= 180000
#define update_relation_stats(rel, pages, rows, all_visible, ...) \
	vac_update_relstats(rel, pages, rows, all_visible, 0, __VA_ARGS__)
#else
#define update_relation_stats(rel, pages, rows, all_visible, ...) \
	vac_update_relstats(rel, pages, rows, all_visible, __VA_ARGS__)
#endif

/* 18 has NOT NULL and CHECK constraints that rows need not satisfy. */
#if PG_VERSION_NUM >= 180000
#define column_is_never_null(tupdesc, i) \
	(TupleDescCompactAttr(tupdesc, i)->attnullability == ATTNULLABLE_VALID)
#define check_holds(check) ((check)->ccvalid && (check)->ccenforced)
#else
#define column_is_never_null(tupdesc, i) (TupleDescAttr(tupdesc, i)->attnotnull)
#define check_holds(check)               ((check)->ccvalid)
#endif

/* 18 lets the caller have bytes in front. */
#if PG_VERSION_NUM >= 180000
#define copy_minimal_tuple(row) minimal_tuple_from_heap_tuple(row, 0)
#define form_minimal_tuple(tupdesc, values, isnull) \
	heap_form_minimal_tuple(tupdesc, values, isnull, 0)
#else
#define copy_minimal_tuple(row)                     minimal_tuple_from_heap_tuple(row)
#define form_minimal_tuple(tupdesc, values, isnull) heap_form_minimal_tuple(tupdesc, values, isnull)
#endif

/* 18 gives bitmap scans a place for their counts, and tells iterators of one process from others. */
#if PG_VERSION_NUM >= 180000
#define begin_bitmap_scan(index, snapshot, nkeys) \
	index_beginscan_bitmap(index, snapshot, NULL, nkeys)
typedef TBMPrivateIterator BitmapPages;
#define begin_bitmap_pages(bitmap) tbm_begin_private_iterate(bitmap)
#define end_bitmap_pages(pages)    tbm_end_private_iterate(pages)
static inline bool
next_bitmap_page(BitmapPages *pages, BlockNumber *block)
{
	TBMIterateResult page;

	if (!tbm_private_iterate(pages, &page))
		return false;
	*block = page.blockno;
	return true;
}
#else
#define begin_bitmap_scan(index, snapshot, nkeys) index_beginscan_bitmap(index, snapshot, nkeys)
typedef TBMIterator BitmapPages;
#define begin_bitmap_pages(bitmap)                tbm_begin_iterate(bitmap)
#define end_bitmap_pages(pages)                   tbm_end_iterate(pages)
static inline bool
next_bitmap_page(BitmapPages *pages, BlockNumber *block)
{
	TBMIterateResult *page = tbm_iterate(pages);

	if (page == NULL)
		return false;
	*block = page->blockno;
	return true;
}
#endif

/* 17 gives requests of memory flags. */
#if PG_VERSION_NUM >= 170000
#define REQUEST_PARAMETERS Size size, int flags
#define REQUEST_ARGUMENTS  size, flags
#else
#define REQUEST_PARAMETERS Size size
#define REQUEST_ARGUMENTS  size
#endif

/* Before 16 a datum that comes from a sort is a copy in the current memory context; since then the caller has a choice. */
#if PG_VERSION_NUM >= 160000
#define get_sorted_datum(sort, datum, isnull) \
	tuplesort_getdatum(sort, true, false, datum, isnull, NULL)
#else
#define get_sorted_datum(sort, datum, isnull) tuplesort_getdatum(sort, true, datum, isnull, NULL)
#endif

/* 16 added onlySummarizing (BRIN-only index updates). */
#if PG_VERSION_NUM >= 160000
#define insert_index_tuples(rri, slot, estate) \
	ExecInsertIndexTuples(rri, slot, estate, false, false, NULL, NIL, false)
#else
#define insert_index_tuples(rri, slot, estate) \
	ExecInsertIndexTuples(rri, slot, estate, false, false, NULL, NIL)
#endif

#endif
