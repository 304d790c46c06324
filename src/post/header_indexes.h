/*
 * header_indexes.h
 *		Indexes of a new month of headers, filled from what is known of the headers
 *		when they are written.
 *
 * Headers are written in the order of the index on their numbers, so that its
 * entries follow them. Their keys are put away and sorted by slices. Where an
 * index is not as the engine makes it, it is left to the server.
 */
#ifndef LEDGER_HEADER_INDEXES_H
#define LEDGER_HEADER_INDEXES_H

#include "post/post_run.h"
#include "table/bulk_writer.h"

typedef struct HeaderIndexes HeaderIndexes;

/*
 * Of a month, whose headers go to a writer, and come from so many blocks of staging. NULL: none of its indexes is filled. Gives them
 * empty files.
 */
extern HeaderIndexes *header_indexes_open(const Post *post, const LedgerMonth *month,
										  BulkWriter *writer, BlockNumber nblocks);

/* Adds the header that was written last. Its number is that of its book in the month. */
extern void header_indexes_add(HeaderIndexes *indexes, int64 je_id, DateADT je_date, int number,
							   Datum entity, Datum basis, Datum je_number);

/* Fills what is not filled on the way, once all headers are written, and says which indexes need not be built. */
extern void header_indexes_close(HeaderIndexes *indexes, IndexBuilds *builds);

#endif
