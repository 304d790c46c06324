/*
 * staging.c
 *		Writes journals and exceptions (see staging.h).
 *
 * Headers and lines are copies of ready-made tuples (row_image.h) as long as their
 * tables have the engine's columns alone; else each row is formed from its
 * values.
 */
#include "expand/staging.h"

#include "common/columns.h"
#include "ledger/line_layout.h"
#include "ledger/row_image.h"
#include "ledger/shared_staging.h"
#include "table/bulk_writer.h"
#include "table/page_groups.h"

#include "access/table.h"
#include "catalog/pg_type.h"
#include "nodes/bitmapset.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

/* Of the columns of a transaction's header, those that may be null. */
static const char *const nullable_columns[] = {"policy_no", "reversal_of", "memo", "original_date"};

#define JOURNAL_TYPE "transaction"

enum
{
	EXCEPTION_COLUMN_RUN_ID,
	EXCEPTION_COLUMN_TXN_ID,
	EXCEPTION_COLUMN_TXN_MONTH,
	EXCEPTION_COLUMN_BASIS,
	EXCEPTION_COLUMN_REASON,
	EXCEPTION_COLUMN_TEMPLATE_CODE,
	EXCEPTION_COLUMN_TEMPLATE_VERSION,
	EXCEPTION_COLUMN_LINE_NO,
	EXCEPTION_COLUMN_MESSAGE,
	EXCEPTION_COLUMNS
};

static const char *const exception_columns[] = {
	"run_id",        "txn_id",           "txn_month", "basis",   "reason",
	"template_code", "template_version", "line_no",   "message", NULL};

static const Oid exception_types[] = {INT8OID, INT8OID, DATEOID, TEXTOID, TEXTOID,
									  TEXTOID, INT4OID, INT2OID, TEXTOID};

/* A table that rows are put into: a writer, and the row being put together. */
typedef struct Target
{
	BulkWriter *writer;
	AttrNumber *columns; /* numbers of the computed columns */
	int ncarried;
	CarriedColumn *carried;
	Datum *values;
	bool *isnull;
} Target;

/* What is kept with a line of a route, and with a candidate for its headers. */
typedef struct RowSlot
{
	RowImage *image;  /* NULL: there is none, or not yet */
	PageGroup *group; /* that rows in the run's own range are written to; NULL: none */
	bool has_group;   /* group is known */
	Digest shared;    /* of an image of headers: what their shared columns come to */
} RowSlot;

struct Staging
{
	int64 run_id;
	const Datum *basis_codes;
	Target header;
	Target line;
	Target exception;
	int header_columns; /* HEADER_COLUMNS, or fewer in the layout of 0.1.0 */
	RowDigest *header_digest;
	Digest *headers;                    /* what they have come to */
	RowDigest *added_digest;            /* of columns that the site added to lines; NULL: none */
	Digest *added;                      /* what these have come to */
	bool shared_isnull[HEADER_COLUMNS]; /* of a header without what each has of its own */
	Datum journal_type;
	bool use_header_images; /* the table has the engine's columns alone */
	bool use_line_images;   /* the same of lines */
	PageGroups
		*header_groups; /* of journals in the run's own range, by entity and basis; NULL: none */
	PageGroups *line_groups;   /* of their lines, by account and fund */
	PGAlignedBlock row;        /* being put together from an image */
	MemoryContext row_context; /* of rows put together where no image serves */
	JeIds *ids;
};

static AttrNumber *
find_columns(BulkWriter *writer, const char *const *names, const Oid *types, int count)
{
	AttrNumber *numbers = palloc_array(AttrNumber, count);

	for (int i = 0; i < count; i++)
		numbers[i] =
			column_find(bulk_writer_descriptor(writer),
						RelationGetRelationName(bulk_writer_relation(writer)), names[i], types[i]);
	return numbers;
}

static Bitmapset *
find_nullable(TupleDesc tupdesc)
{
	Bitmapset *nullable = NULL;

	for (int n = 0; n < lengthof(nullable_columns); n++)
	{
		AttrNumber number = column_number(tupdesc, nullable_columns[n]);

		if (number != InvalidAttrNumber)
			nullable = bms_add_member(nullable, number);
	}
	return nullable;
}

static void
open_target(Target *target, Oid relation, const char *parent, TupleDesc source,
			const char *const *names, const Oid *types, int count, const StagingHelper *helper,
			StagingTable table)
{
	static const char *const own_checks[] = {"staging_run", NULL};
	Relation rel = table_open(relation, helper != NULL ? AccessShareLock : RowExclusiveLock);
	/* A table of the run's own, which nobody else sees yet. */
	bool is_own = parent != NULL && !staging_is_shared(rel);
	BulkWriterOptions options = {.held_checks = is_own ? own_checks : NULL,
								 .filled = names,
								 .may_be_lost = parent != NULL,
								 .frozen = is_own};
	int natts = RelationGetNumberOfAttributes(rel);
	Bitmapset *filled = NULL;
	Bitmapset *nullable = find_nullable(RelationGetDescr(rel));

	if (parent != NULL)
		options.parent = ledger_engine_table(parent);
	if (source != NULL)
		target->ncarried = columns_carried(source, RelationGetDescr(rel), names, &target->carried,
										   &filled, &nullable);
	options.also_filled = filled;
	options.nullable = nullable;
	table_close(rel, NoLock);
	if (helper != NULL)
		target->writer =
			bulk_writer_join(relation, is_own ? &helper->stamp : NULL, helper->spools[table]);
	else
		target->writer = bulk_writer_open(relation, &options);
	target->columns = find_columns(target->writer, names, types, count);
	target->values = palloc0_array(Datum, natts);
	target->isnull = palloc_array(bool, natts);
	memset(target->isnull, true, natts);
}

static inline void
set_column(Target *target, int column, Datum value)
{
	target->values[target->columns[column] - 1] = value;
	target->isnull[target->columns[column] - 1] = false;
}

static inline void
set_column_null(Target *target, int column)
{
	target->isnull[target->columns[column] - 1] = true;
}

static inline void
carry_columns(Target *target, TupleTableSlot *slot)
{
	columns_carry(target->carried, target->ncarried, slot, target->values, target->isnull);
}

/* The slot of a candidate or of one of its lines. */
static inline RowSlot *
row_slot(void **slot, const Candidate *candidate)
{
	if (unlikely(*slot == NULL))
		*slot = MemoryContextAllocZero(GetMemoryChunkContext(candidate->lines), sizeof(RowSlot));
	return *slot;
}

/* A row goes to its group, or where it has none among the others. */
static inline void
put_row(Target *target, PageGroups *groups, PageGroup *group, HeapTupleHeader row, uint32 size)
{
	if (group != NULL)
		page_groups_put(groups, group, row, size);
	else
		bulk_writer_put_row(target->writer, row, size);
}

/* The columns of a header that its route and template fix. */
static void
set_header(Staging *staging, const Transaction *txn, int basis, const Template *template)
{
	Target *t = &staging->header;

	set_column(t, HEADER_RUN_ID, Int64GetDatum(staging->run_id));
	set_column(t, HEADER_TXN_MONTH, DateADTGetDatum(txn->txn_month));
	set_column(t, HEADER_TEMPLATE_VERSION, Int32GetDatum(template->version));
	set_column(t, HEADER_ENTITY, txn->route->codes[ROUTE_ENTITY]);
	set_column(t, HEADER_BASIS, staging->basis_codes[basis]);
	set_column(t, HEADER_TEMPLATE_CODE, template->code_datum);
	set_column(t, HEADER_TXN_TYPE, txn->route->codes[ROUTE_TXN_TYPE]);
	set_column(t, HEADER_PRODUCT, txn->route->codes[ROUTE_PRODUCT]);
	set_column(t, HEADER_CHANNEL, txn->route->codes[ROUTE_CHANNEL]);
	set_column(t, HEADER_CURRENCY, txn->route->codes[ROUTE_CURRENCY]);
	if (template->memo != 0)
		set_column(t, HEADER_MEMO, template->memo);
	else
		set_column_null(t, HEADER_MEMO);
	if (staging->header_columns > HEADER_JOURNAL_TYPE)
		set_column(t, HEADER_JOURNAL_TYPE, staging->journal_type);
}

/* Adds the header that was put together in the target to the digest. */
static void
digest_formed(Staging *staging)
{
	Digest part = {0};

	row_digest_add_columns(staging->header_digest, staging->header.values, staging->header.isnull,
						   &part);
	row_digest_end(part, staging->headers);
}

/* A header where no image serves. In the row context. */
static HeapTuple
form_header(Staging *staging, const Transaction *txn, int basis, const Template *template,
			const HeaderValues *values)
{
	Target *t = &staging->header;
	MemoryContext old = MemoryContextSwitchTo(staging->row_context);
	HeapTuple tuple;

	carry_columns(t, txn->slot);
	set_header(staging, txn, basis, template);
	set_column(t, HEADER_JE_ID, Int64GetDatum(values->je_id));
	set_column(t, HEADER_TXN_ID, Int64GetDatum(values->txn_id));
	set_column(t, HEADER_JE_DATE, DateADTGetDatum(values->je_date));
	set_column(t, HEADER_LINE_COUNT, Int32GetDatum(values->line_count));
	if (values->policy_no_is_null)
		set_column_null(t, HEADER_POLICY_NO);
	else
		set_column(t, HEADER_POLICY_NO, values->policy_no);
	set_column(t, HEADER_TOTAL_DEBIT, amount_to_new_numeric(values->total_debit));
	set_column(t, HEADER_TOTAL_CREDIT, amount_to_new_numeric(values->total_credit));
	if (values->has_original_date)
		set_column(t, HEADER_ORIGINAL_DATE, DateADTGetDatum(values->original_date));
	else if (staging->header_columns > HEADER_ORIGINAL_DATE)
		set_column_null(t, HEADER_ORIGINAL_DATE);
	digest_formed(staging);
	tuple = heap_form_tuple(bulk_writer_descriptor(t->writer), t->values, t->isnull);
	MemoryContextSwitchTo(old);
	return tuple;
}

/* What the columns that headers of a route and template share come to, of the values in the target. */
static Digest
digest_shared_columns(Staging *staging)
{
	static const int own[] = HEADER_OWN_COLUMNS;
	Target *t = &staging->header;
	Digest part = {0};

	memcpy(staging->shared_isnull, t->isnull, sizeof(bool) * staging->header_columns);
	for (int i = 0; i < lengthof(own); i++)
		if (own[i] < staging->header_columns)
			staging->shared_isnull[own[i]] = true;
	row_digest_add_columns(staging->header_digest, t->values, staging->shared_isnull, &part);
	return part;
}

static bool
has_header_image(Staging *staging, const Transaction *txn, int basis, const Candidate *candidate,
				 RowSlot *slot)
{
	if (likely(slot->image != NULL))
		return true;
	if (!staging->use_header_images)
		return false;
	set_header(staging, txn, basis, candidate->template);
	slot->image =
		header_image_make(bulk_writer_descriptor(staging->header.writer), staging->header.values,
						  staging->header.isnull, GetMemoryChunkContext(candidate->lines));
	slot->shared = digest_shared_columns(staging);
	return slot->image != NULL;
}

/* Where the journals of a book have their pages; NULL: this one goes among the others. */
static PageGroup *
find_book(Staging *staging, const Transaction *txn, int basis, int64 je_id, RowSlot *slot)
{
	if (staging->header_groups == NULL || !je_id_in_range(je_id))
		return NULL;
	if (unlikely(!slot->has_group))
	{
		slot->group = page_groups_find(staging->header_groups, txn->route->bases[basis].je_month,
									   txn->route->key.codes[ROUTE_ENTITY],
									   code_from_datum(staging->basis_codes[basis]));
		slot->has_group = true;
	}
	return slot->group;
}

static inline void
add_own(const Staging *staging, int column, Datum value, Digest *part)
{
	row_digest_add_column(staging->header_digest, column + 1, value, part);
}

/* Adds a header that an image made to the digest. */
static void
digest_image(Staging *staging, const RowSlot *slot, const HeaderValues *values)
{
	Digest part = slot->shared;

	add_own(staging, HEADER_JE_ID, Int64GetDatum(values->je_id), &part);
	add_own(staging, HEADER_TXN_ID, Int64GetDatum(values->txn_id), &part);
	add_own(staging, HEADER_JE_DATE, DateADTGetDatum(values->je_date), &part);
	add_own(staging, HEADER_LINE_COUNT, Int32GetDatum(values->line_count), &part);
	if (!values->policy_no_is_null)
		add_own(staging, HEADER_POLICY_NO, values->policy_no, &part);
	add_own(staging, HEADER_TOTAL_DEBIT, values->stored_debit, &part);
	add_own(staging, HEADER_TOTAL_CREDIT, values->stored_credit, &part);
	if (values->has_original_date)
		add_own(staging, HEADER_ORIGINAL_DATE, DateADTGetDatum(values->original_date), &part);
	row_digest_end(part, staging->headers);
}

static void
write_header(Staging *staging, const Transaction *txn, int basis, const Journal *journal,
			 int64 je_id)
{
	HeaderValues values = {.je_id = je_id,
						   .txn_id = txn->txn_id,
						   .je_date = route_je_date(txn->route, basis, txn->value_date),
						   .line_count = journal->nlines,
						   .policy_no = txn->policy_no,
						   .policy_no_is_null = txn->policy_no_is_null,
						   .total_debit = journal->debit,
						   .total_credit = journal->credit,
						   .has_original_date = txn->route->bases[basis].is_moved,
						   .original_date = txn->value_date};
	Candidate *candidate = journal->candidate;
	RowSlot *slot = row_slot(&candidate->slot, candidate);
	PageGroup *book = find_book(staging, txn, basis, je_id, slot);
	Size size = 0;

	if (has_header_image(staging, txn, basis, candidate, slot))
		size = header_image_fill(slot->image, staging->row.data, &values);
	StaticAssertStmt(MAX_IMAGE_SIZE + HEADER_IMAGE_TAIL <= sizeof(staging->row.data),
					 "a header has room");
	if (size > 0)
	{
		digest_image(staging, slot, &values);
		put_row(&staging->header, staging->header_groups, book, (HeapTupleHeader) staging->row.data,
				size);
	}
	else
	{
		HeapTuple tuple = form_header(staging, txn, basis, candidate->template, &values);

		put_row(&staging->header, staging->header_groups, book, tuple->t_data, tuple->t_len);
		MemoryContextReset(staging->row_context);
	}
}

/* The columns of a line that its route and template line fix. */
static void
set_line(Staging *staging, const Transaction *txn, int basis, int line_no, const RouteLine *where)
{
	Target *t = &staging->line;

	set_column(t, LINE_RUN_ID, Int64GetDatum(staging->run_id));
	set_column(t, LINE_LINE_NO, Int16GetDatum(line_no));
	set_column(t, LINE_ENTITY, txn->route->codes[ROUTE_ENTITY]);
	set_column(t, LINE_BASIS, staging->basis_codes[basis]);
	set_column(t, LINE_ACCOUNT, code_to_datum(where->account_code));
	set_column(t, LINE_FUND, code_to_datum(where->fund));
	set_column(t, LINE_CURRENCY, txn->route->codes[ROUTE_CURRENCY]);
	set_column(t, LINE_PRODUCT, txn->route->codes[ROUTE_PRODUCT]);
	set_column(t, LINE_CHANNEL, txn->route->codes[ROUTE_CHANNEL]);
}

/* A line where no image serves: the table has columns of the site's, or the row is long. In the row context. */
static HeapTuple
form_line(Staging *staging, const Transaction *txn, int basis, int64 je_id, int line_no,
		  const RouteLine *where, const JournalLine *line)
{
	Target *t = &staging->line;
	MemoryContext old = MemoryContextSwitchTo(staging->row_context);
	HeapTuple tuple;

	carry_columns(t, txn->slot);
	set_line(staging, txn, basis, line_no, where);
	set_column(t, LINE_JE_ID, Int64GetDatum(je_id));
	set_column(t, LINE_TXN_ID, Int64GetDatum(txn->txn_id));
	set_column(t, LINE_JE_DATE, DateADTGetDatum(route_je_date(txn->route, basis, txn->value_date)));
	set_column(t, LINE_DEBIT, amount_to_new_numeric(line->debit));
	set_column(t, LINE_CREDIT, amount_to_new_numeric(line->credit));
	if (staging->added_digest != NULL)
		row_digest_add(staging->added_digest, t->values, t->isnull, staging->added);
	tuple = heap_form_tuple(bulk_writer_descriptor(t->writer), t->values, t->isnull);
	MemoryContextSwitchTo(old);
	return tuple;
}

static bool
has_line_image(Staging *staging, const Transaction *txn, int basis, int line_no,
			   const Candidate *candidate, const RouteLine *where, RowSlot *slot)
{
	if (likely(slot->image != NULL))
		return true;
	if (!staging->use_line_images)
		return false;
	set_line(staging, txn, basis, line_no, where);
	slot->image = line_image_make(bulk_writer_descriptor(staging->line.writer),
								  staging->line.values, GetMemoryChunkContext(candidate->lines));
	return slot->image != NULL;
}

/* Where a line's account has its pages; NULL: it goes among the others. */
static PageGroup *
find_account(Staging *staging, const Transaction *txn, int basis, int64 je_id,
			 const RouteLine *where, RowSlot *slot)
{
	if (staging->line_groups == NULL || !je_id_in_range(je_id))
		return NULL;
	if (unlikely(!slot->has_group))
	{
		slot->group = page_groups_find(staging->line_groups, txn->route->bases[basis].je_month,
									   where->account_code, where->fund);
		slot->has_group = true;
	}
	return slot->group;
}

static void
write_line(Staging *staging, const Transaction *txn, int basis, const Candidate *candidate,
		   int64 je_id, int line_no, RouteLine *where, const JournalLine *line)
{
	RowSlot *slot = row_slot(&where->slot, candidate);
	PageGroup *account = find_account(staging, txn, basis, je_id, where, slot);

	if (has_line_image(staging, txn, basis, line_no, candidate, where, slot))
	{
		Size size = line_image_fill(slot->image, staging->row.data, je_id, txn->txn_id,
									route_je_date(txn->route, basis, txn->value_date), line->debit,
									line->credit);

		Assert(size <= MAX_LINE_IMAGE_SIZE);
		put_row(&staging->line, staging->line_groups, account, (HeapTupleHeader) staging->row.data,
				size);
	}
	else
	{
		HeapTuple tuple = form_line(staging, txn, basis, je_id, line_no, where, line);

		put_row(&staging->line, staging->line_groups, account, tuple->t_data, tuple->t_len);
		MemoryContextReset(staging->row_context);
	}
}

static void
write_lines(Staging *staging, const Transaction *txn, int basis, const Journal *journal,
			int64 je_id)
{
	Candidate *candidate = journal->candidate;

	for (int i = 0; i < candidate->template->nlines; i++)
		if (journal->lines[i].kept)
			write_line(staging, txn, basis, candidate, je_id, candidate->template->lines[i].line_no,
					   &candidate->lines[i], &journal->lines[i]);
}

/* What a journal promises: its header says how many lines there are, and what they come to. */
static bool PG_USED_FOR_ASSERTS_ONLY
adds_up(const Journal *journal)
{
	Amount debit = 0;
	Amount credit = 0;
	int nlines = 0;

	for (int i = 0; i < journal->candidate->template->nlines; i++)
		if (journal->lines[i].kept)
		{
			if (!amount_is_in_range(journal->lines[i].debit) ||
				!amount_is_in_range(journal->lines[i].credit))
				return false;
			debit += journal->lines[i].debit;
			credit += journal->lines[i].credit;
			nlines++;
		}
	return nlines == journal->nlines && debit == journal->debit && credit == journal->credit;
}

void
staging_put_journal(Staging *staging, const Transaction *txn, int basis, const Journal *journal)
{
	int64 je_id = je_id_take(staging->ids, txn->route->bases[basis].je_month);

	Assert(adds_up(journal));
	Assert(!journal->candidate->template->require_balanced || journal->debit == journal->credit);
	Assert(basis == journal->candidate->template->basis);
	write_header(staging, txn, basis, journal, je_id);
	write_lines(staging, txn, basis, journal, je_id);
}

void
staging_put_exception(Staging *staging, const Transaction *txn, int basis, const Journal *journal)
{
	Target *t = &staging->exception;
	Candidate *candidate = journal->candidate;
	const Exception *exception = &journal->exception;

	Assert(exception->reason >= 0 && exception->reason < EXCEPTION_REASONS);
	Assert(exception->message != NULL);
	set_column(t, EXCEPTION_COLUMN_RUN_ID, Int64GetDatum(staging->run_id));
	set_column(t, EXCEPTION_COLUMN_TXN_ID, Int64GetDatum(txn->txn_id));
	set_column(t, EXCEPTION_COLUMN_TXN_MONTH, DateADTGetDatum(txn->txn_month));
	set_column(t, EXCEPTION_COLUMN_BASIS, staging->basis_codes[basis]);
	set_column(t, EXCEPTION_COLUMN_REASON, CStringGetTextDatum(exception_name(exception->reason)));
	set_column(t, EXCEPTION_COLUMN_MESSAGE, CStringGetTextDatum(exception->message));
	if (candidate != NULL)
	{
		set_column(t, EXCEPTION_COLUMN_TEMPLATE_CODE, candidate->template->code_datum);
		set_column(t, EXCEPTION_COLUMN_TEMPLATE_VERSION,
				   Int32GetDatum(candidate->template->version));
	}
	else
	{
		set_column_null(t, EXCEPTION_COLUMN_TEMPLATE_CODE);
		set_column_null(t, EXCEPTION_COLUMN_TEMPLATE_VERSION);
	}
	if (exception->line_no != 0)
		set_column(t, EXCEPTION_COLUMN_LINE_NO, Int16GetDatum(exception->line_no));
	else
		set_column_null(t, EXCEPTION_COLUMN_LINE_NO);
	bulk_writer_put(t->writer, t->values, t->isnull);
}

/* How many of the columns of headers the table has. */
static int
count_header_columns(Oid header)
{
	Relation rel = table_open(header, AccessShareLock);
	bool has_type = column_number(RelationGetDescr(rel), header_columns[HEADER_JOURNAL_TYPE]) !=
					InvalidAttrNumber;

	table_close(rel, NoLock);
	return has_type ? HEADER_COLUMNS : HEADER_COLUMNS_0_1;
}

static PageGroups *
open_groups(Target *target, const JeIds *ids)
{
	if (!ids->has_range || bulk_writer_sink(target->writer) != BULK_TO_PAGES)
		return NULL;
	return page_groups_open(bulk_writer_page_file(target->writer));
}

Staging *
staging_open(int64 run_id, const Datum *basis_codes, Relation source, Oid header, Oid line,
			 JeIds *ids, Digest *headers, Digest *added, const StagingHelper *helper)
{
	Staging *staging = palloc0_object(Staging);
	TupleDesc tupdesc = RelationGetDescr(source);

	staging->run_id = run_id;
	staging->basis_codes = basis_codes;
	staging->ids = ids;
	staging->row_context =
		AllocSetContextCreate(CurrentMemoryContext, "staging line", ALLOCSET_DEFAULT_SIZES);
	staging->header_columns = count_header_columns(header);
	staging->journal_type = CStringGetTextDatum(JOURNAL_TYPE);
	open_target(&staging->header, header, "je_header_staging", tupdesc, header_columns,
				header_types, staging->header_columns, helper, STAGING_HEADER);
	open_target(&staging->line, line, "je_line_staging", tupdesc, line_columns, line_types,
				LINE_COLUMNS, helper, STAGING_LINE);
	open_target(&staging->exception, ledger_engine_table("je_exception"), NULL, NULL,
				exception_columns, exception_types, EXCEPTION_COLUMNS, helper, STAGING_EXCEPTION);
	staging->headers = headers;
	staging->header_digest =
		row_digest_open(bulk_writer_descriptor(staging->header.writer), (Datum) 0);
	staging->added = added;
	staging->added_digest = row_digest_open_added(bulk_writer_descriptor(staging->line.writer));
	staging->header_groups = open_groups(&staging->header, ids);
	staging->line_groups = open_groups(&staging->line, ids);
	staging->use_header_images =
		line_layout_is_own(bulk_writer_descriptor(staging->header.writer), staging->header.columns,
						   staging->header_columns);
	staging->use_line_images = line_layout_is_own(bulk_writer_descriptor(staging->line.writer),
												  staging->line.columns, LINE_COLUMNS);
	return staging;
}

const RowDigest *
staging_header_digest(const Staging *staging)
{
	return staging->header_digest;
}

const RowDigest *
staging_added_digest(const Staging *staging)
{
	return staging->added_digest;
}

bool
staging_allows_helpers(Staging *staging, RowStamp *stamp)
{
	if (bulk_writer_sink(staging->header.writer) != BULK_TO_PAGES ||
		bulk_writer_sink(staging->line.writer) != BULK_TO_PAGES ||
		!bulk_writer_only_stores(staging->exception.writer))
		return false;
	*stamp = page_file_stamp(bulk_writer_page_file(staging->line.writer));
	return true;
}

void
staging_take(Staging *staging, StagingTable table, SharedTuplestoreAccessor *spool)
{
	Target *targets[STAGING_TABLES] = {&staging->header, &staging->line, &staging->exception};

	bulk_writer_take(targets[table]->writer, spool);
}

void
staging_close(Staging *staging)
{
	if (staging->header_groups != NULL)
		page_groups_close(staging->header_groups);
	if (staging->line_groups != NULL)
		page_groups_close(staging->line_groups);
	bulk_writer_close(staging->header.writer);
	bulk_writer_close(staging->line.writer);
	bulk_writer_close(staging->exception.writer);
}
