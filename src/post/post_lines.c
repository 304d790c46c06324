/*
 * post_lines.c
 *		Posts lines.
 *
 * Where the run has partitions of its own, expand left their lines in extents
 * by account (page_groups.h). A look at the first row of each extent gives the
 * plan: extents in the order of month, account and fund, and the place of each
 * in its partition. Then whole pages are copied (line_copy.h).
 *
 * What does not fit that goes row by row: lines of small runs, of months with
 * few, extents in which a line of another account turned up (a superuser may
 * have rewritten staging), and tables that cannot be filled by page. Of a run
 * that shares staging with others, they are found by index.
 */
#include "post/post_lines.h"

#include "common/progress.h"
#include "common/settings_scope.h"
#include "ledger/je_id.h"
#include "ledger/shared_staging.h"
#include "post/ledger_target.h"
#include "post/line_copy.h"
#include "post/line_seals.h"
#include "table/page_file.h"
#include "table/page_groups.h"
#include "table/page_reader.h"

#include "access/htup_details.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/memutils.h"

/* Rows one by one. */
typedef struct RowPoster
{
	Post *post;
	LedgerTarget *lines;  /* by month */
	LedgerTarget *ranges; /* by month */
	PageReader pages;
	LineReader *reader;
	TupleTableSlot *slot;
	BoundForm *form; /* of staging's rows, for the seal */
	Datum *values;   /* of a row */
	bool *isnull;
} RowPoster;

struct LinePass
{
	Post *post;
	Relation staging;
	bool is_shared;      /* with other runs: its rows are found by index, one by one */
	BlockNumber nblocks; /* none then */
	PageFile *files[JE_ID_MAX_MONTHS]; /* of partitions of the run's own range filled by page */
	bool copies;                       /* there are such */
	ExtentMap map;                     /* by the month's number, account and fund */
	int64 *first_je_ids;               /* by extent: the je_id of its first line */
	uint8 *npages;                     /* by extent: its pages up to the last that has rows */
	CopiedExtent *extents;             /* those of a group, to be copied */
	CopiedGroup *groups;
	LineCopy *copy;
	RowPoster poster;
};

/* The month of a journal date, if it is one of those whose partitions are filled by page; else -1. */
static int
find_plan_month(const LinePass *pass, DateADT date)
{
	const Post *post = pass->post;

	for (int i = 0; i < post->nmonths; i++)
		if (date >= post->months[i].first_day && date < post->months[i].next_first_day)
			return pass->files[i] != NULL ? i : -1;
	return -1;
}

/* The pages of an extent up to the last that has rows: only the last extent of a group that a process filled is not full. */
static uint8
used_pages(LinePass *pass, BlockNumber first)
{
	uint8 npages = EXTENT_PAGES;

	while (npages > 1 &&
		   page_reader_page(&pass->poster.pages, first + npages - 1) < FirstOffsetNumber)
		npages--;
	return npages;
}

/* Month, account and fund of an extent by its first row; false where its rows are to be posted one by one. */
static bool
account_of(BlockNumber first, CodeKey *key, void *arg)
{
	LinePass *pass = arg;
	HeapTupleData tuple;
	Line line;

	if (!pass->copies || first + EXTENT_PAGES > pass->nblocks)
		return false;
	/* Before its first page is read, where the codes stay. */
	pass->npages[first / EXTENT_PAGES] = used_pages(pass, first);
	if (page_reader_page(&pass->poster.pages, first) < FirstOffsetNumber ||
		!page_reader_row(&pass->poster.pages, FirstOffsetNumber, &tuple))
		return false;
	line_reader_read(pass->poster.reader, &tuple, &line);
	pass->first_je_ids[first / EXTENT_PAGES] = line.je_id;
	key->number = find_plan_month(pass, line.je_date);
	key->codes[0] = line.account_code;
	key->codes[1] = line.fund;
	return key->number >= 0 && post_owns(pass->post, line.je_id) &&
		   line.account_code.len <= MAX_GROUP_CODE && line.fund.len <= MAX_GROUP_CODE;
}

static void
begin_group(CopiedGroup *group, const CodeKey *key, int64 first)
{
	group->first = first;
	group->month = key->number;
	group->account_size = key->codes[0].len;
	group->fund_size = key->codes[1].len;
	memcpy(group->account, key->codes[0].data, key->codes[0].len);
	memcpy(group->fund, key->codes[1].data, key->codes[1].len);
}

/* Sets where in its partition each extent goes; the sizes that the partitions come to. */
static void
place_extents(LinePass *pass, BlockNumber sizes[JE_ID_MAX_MONTHS])
{
	const ExtentMap *map = &pass->map;

	pass->extents = palloc_extended(sizeof(CopiedExtent) * (map->nextents + 1), MCXT_ALLOC_HUGE);
	pass->groups = palloc0_array(CopiedGroup, map->ngroups + 1);
	for (int64 i = 0; i < map->nextents; i++)
	{
		BlockNumber block = map->extents[i].block;
		int group = map->extents[i].group;
		int month = map->groups[group]->number;
		CopiedExtent extent = {.first_je_id = pass->first_je_ids[block / EXTENT_PAGES],
							   .from = block,
							   .to = sizes[month],
							   .group = group,
							   .npages = pass->npages[block / EXTENT_PAGES],
							   .first_day = PG_UINT8_MAX};

		if (pass->groups[group].count++ == 0)
			begin_group(&pass->groups[group], map->groups[group], i);
		pass->extents[i] = extent;
		sizes[month] += extent.npages;
	}
}

/* Adds a line to the seal, as it is stored. */
static void
seal_row(RowPoster *poster, HeapTuple tuple, const Line *line)
{
	PostSeals *seals = poster->post->seals;

	if (seals == NULL || post_seals_add_line(seals, poster->form, line))
		return;
	heap_deform_tuple(tuple, RelationGetDescr(poster->pages.rel), poster->values, poster->isnull);
	post_seals_add(seals, poster->form, poster->values, poster->isnull);
}

static void
post_row(RowPoster *poster, HeapTuple tuple)
{
	Post *post = poster->post;
	Line line;
	LedgerMonth *month;
	LedgerTarget *target;
	int m;

	line_reader_read(poster->reader, tuple, &line);
	month = post_find_month(post, line.je_date);
	m = month - post->months;
	target = &poster->lines[m];
	if (je_id_in_range(line.je_id))
	{
		/* No partition of the ledger takes it that this run may write to. */
		if (!post_owns(post, line.je_id) ||
			(month->by_je_id && !OidIsValid(month->range_partition)))
			ereport(ERROR, (errcode(ERRCODE_LE_OUT_OF_BALANCE),
							errmsg("staging of run " INT64_FORMAT
								   " holds a line whose je_id is not one of the run's",
								   post->run_id)));
		if (OidIsValid(month->range_partition))
			target = &poster->ranges[m];
	}
	line_sum_add(&month->lines, &line);
	line_sum_add_journal(&month->lines, &line, post->by_book);
	seal_row(poster, tuple, &line);
	if (target->same_layout && !HeapTupleHasExternal(tuple) &&
		has_all_columns(tuple, poster->pages.rel))
		bulk_writer_put_row(target->writer, tuple->t_data, tuple->t_len);
	else
	{
		ExecStoreHeapTuple(tuple, poster->slot, false);
		slot_getallattrs(poster->slot);
		ledger_target_put(target, poster->slot);
		ExecClearTuple(poster->slot);
	}
}

/* Calls a function for each row of a page of staging, with memory that is then given back; the number of places that the page has. */
static OffsetNumber
each_row(RowPoster *poster, BlockNumber block, void (*use)(RowPoster *, HeapTuple))
{
	OffsetNumber last;

	CHECK_FOR_INTERRUPTS();
	last = page_reader_page(&poster->pages, block);
	for (OffsetNumber i = FirstOffsetNumber; i <= last; i++)
	{
		HeapTupleData tuple;

		if (!page_reader_row(&poster->pages, i, &tuple))
			continue;
		MemoryContextSwitchTo(poster->post->row_context);
		use(poster, &tuple);
		MemoryContextSwitchTo(poster->post->context);
		MemoryContextReset(poster->post->row_context);
	}
	return last;
}

static void
post_extent_by_row(RowPoster *poster, BlockNumber first, BlockNumber nblocks)
{
	for (BlockNumber block = first; block < Min(first + EXTENT_PAGES, nblocks); block++)
		progress_add(each_row(poster, block, post_row));
}

static void
seal_copied_row(RowPoster *poster, HeapTuple tuple)
{
	Line line;

	line_reader_read(poster->reader, tuple, &line);
	seal_row(poster, tuple, &line);
}

/* Adds the lines of an extent that was copied to the seal, in any order. */
static void
seal_extent(RowPoster *poster, BlockNumber first)
{
	for (BlockNumber block = first; block < first + EXTENT_PAGES; block++)
		each_row(poster, block, seal_copied_row);
}

/* The run's lines in a table that it shares with other runs. */
static void
post_shared(RowPoster *poster, Relation staging)
{
	Post *post = poster->post;
	KeyScan rows;
	HeapTupleData tuple;

	shared_staging_open(&rows, staging, post->run_id, post->snapshot);
	while (key_scan_next(&rows, &tuple))
	{
		CHECK_FOR_INTERRUPTS();
		MemoryContextSwitchTo(post->row_context);
		post_row(poster, &tuple);
		MemoryContextSwitchTo(post->context);
		MemoryContextReset(post->row_context);
		progress_add(1);
	}
	key_scan_close(&rows);
}

static void
open_targets(Post *post, TupleDesc tupdesc, LedgerTarget *lines, LedgerTarget *ranges)
{
	for (int i = 0; i < post->nmonths; i++)
	{
		ledger_target_open(&lines[i], post->months[i].line_partition, tupdesc, false,
						   &post->index_builds);
		if (OidIsValid(post->months[i].range_partition))
			ledger_target_open(&ranges[i], post->months[i].range_partition, tupdesc, false,
							   &post->index_builds);
	}
}

static void
close_targets(Post *post, LedgerTarget *lines, LedgerTarget *ranges)
{
	for (int i = 0; i < post->nmonths; i++)
	{
		if (ranges[i].writer != NULL)
			ledger_target_close(&ranges[i]);
		ledger_target_close(&lines[i]);
	}
}

LinePass *
post_lines_open(Post *post, Relation staging)
{
	LinePass *pass = palloc0_object(LinePass);
	TupleDesc tupdesc = RelationGetDescr(staging);
	RowPoster *poster = &pass->poster;
	BlockNumber sizes[JE_ID_MAX_MONTHS] = {0};

	pass->post = poster->post = post;
	pass->staging = staging;
	pass->is_shared = staging_is_shared(staging);
	pass->nblocks = pass->is_shared ? 0 : RelationGetNumberOfBlocks(staging);
	poster->lines = palloc0_array(LedgerTarget, post->nmonths + 1);
	poster->ranges = palloc0_array(LedgerTarget, post->nmonths + 1);
	open_targets(post, tupdesc, poster->lines, poster->ranges);
	for (int i = 0; i < post->nmonths; i++)
		pass->files[i] = poster->ranges[i].file;
	page_reader_open(&poster->pages, staging, post->snapshot);
	poster->reader = line_reader_open(staging);
	if (post->has_added_digest)
		line_reader_digest_added(poster->reader, post->added_columns);
	poster->slot = MakeSingleTupleTableSlot(tupdesc, &TTSOpsHeapTuple);
	poster->form =
		post_seals_bind(post->seals, ROW_LINE, tupdesc, RelationGetRelationName(staging));
	poster->values = palloc_array(Datum, tupdesc->natts + 1);
	poster->isnull = palloc_array(bool, tupdesc->natts + 1);
	for (int i = 0; i < post->nmonths; i++)
		pass->copies = pass->copies || pass->files[i] != NULL;
	pass->first_je_ids =
		palloc_extended((pass->nblocks / EXTENT_PAGES + 1) * sizeof(int64), MCXT_ALLOC_HUGE);
	pass->npages = palloc_extended(pass->nblocks / EXTENT_PAGES + 1, MCXT_ALLOC_HUGE);
	page_groups_read(&pass->map, pass->nblocks, account_of, pass);
	place_extents(pass, sizes);
	for (int i = 0; i < post->nmonths; i++)
		if (pass->files[i] != NULL)
			page_file_reserve(pass->files[i], sizes[i]);
	pass->copy =
		line_copy_open(post, staging, &pass->map, pass->extents, pass->groups, pass->files);
	return pass;
}

void
post_lines_launch(LinePass *pass)
{
	line_copy_launch(pass->copy);
}

void
post_lines_copy(LinePass *pass)
{
	line_copy_run(pass->copy);
}

void
post_lines_write_rest(LinePass *pass)
{
	bool prints = line_reader_prints(pass->poster.reader);
	int scope = prints ? settings_scope_open_pinned() : 0;

	for (int64 i = 0; i < pass->map.nextents; i++)
		if (pass->extents[i].left)
			post_extent_by_row(&pass->poster, pass->extents[i].from, pass->nblocks);
	for (int64 i = 0; i < pass->map.nloose; i++)
		post_extent_by_row(&pass->poster, pass->map.loose[i], pass->nblocks);
	if (pass->is_shared)
		post_shared(&pass->poster, pass->staging);
	if (prints)
		settings_scope_close(scope);
}

/* Seals the lines of a group one by one: some of them went row by row, or they are not in order. */
static void
seal_group_by_row(LinePass *pass, const CopiedGroup *group)
{
	for (int64 i = group->first; i < group->first + group->count; i++)
		if (!pass->extents[i].left)
			seal_extent(&pass->poster, pass->extents[i].from);
}

void
post_lines_seal(LinePass *pass)
{
	PostSeals *seals = pass->post->seals;
	int ngroups = pass->map.ngroups;
	bool all = true;

	if (seals == NULL || ngroups == 0)
		return;
	for (int i = 0; i < ngroups; i++)
		all = all && pass->groups[i].sealed;
	if (!all)
	{
		progress_phase(PHASE_SEALING, PROGRESS_NO_ROWS);
		line_seals_add(seals, pass->staging, pass->groups, ngroups, pass->extents,
					   pass->map.nextents);
	}
	for (int i = 0; i < ngroups; i++)
	{
		const CodeKey *key = pass->map.groups[i];
		DateADT month = pass->post->months[key->number].first_day;

		/* Sections are complete or they are none. */
		if (pass->groups[i].sealed &&
			post_seals_have_lines(seals, month, key->codes[1], key->codes[0]))
		{
			post_seals_drop(seals, month, key->codes[1], key->codes[0]);
			pass->groups[i].sealed = false;
		}
		if (!pass->groups[i].sealed)
			seal_group_by_row(pass, &pass->groups[i]);
	}
}

void
post_lines_close(LinePass *pass)
{
	RowPoster *poster = &pass->poster;

	line_reader_close(poster->reader);
	page_reader_close(&poster->pages);
	ExecDropSingleTupleTableSlot(poster->slot);
	line_copy_tell_indexes(pass->copy, &pass->post->index_builds);
	close_targets(pass->post, poster->lines, poster->ranges);
}
