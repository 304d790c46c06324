/*
 * staging.h
 *		Where expand writes: headers and lines into staging, which is tables of the
 *		run's own or those that small runs share, exceptions into je_exception.
 */
#ifndef LEDGER_STAGING_H
#define LEDGER_STAGING_H

#include "common/ledger_engine.h"
#include "expand/journal.h"
#include "expand/source.h"
#include "ledger/je_id.h"
#include "ledger/row_digest.h"
#include "table/page_file.h"

typedef struct Staging Staging;

/* Tables of staging. */
typedef enum StagingTable
{
	STAGING_HEADER,
	STAGING_LINE,
	STAGING_EXCEPTION,
	STAGING_TABLES
} StagingTable;

/* How a process takes part in the expansion that another one leads. */
typedef struct StagingHelper
{
	RowStamp stamp;
	SharedTuplestoreAccessor *spools[STAGING_TABLES]; /* of rows that the leader has to write */
} StagingHelper;

/*
 * Opens the tables for a run. basis_codes are the run's bases as text, by
 * number. helper is NULL in the process that leads. Headers are added to a
 * digest, and to another one what lines have in columns that a site added.
 * LE010 or LE012 where a table is not fit to be written to.
 */
extern Staging *
staging_open(int64 run_id, const Datum *basis_codes, Relation source, Oid header, Oid line,
			 JeIds *ids, Digest *headers, Digest *added, const StagingHelper *helper);

/* The columns that headers are digested with; lives as long as the context that staging was opened in. */
extern const RowDigest *staging_header_digest(const Staging *staging);

/* The same of the columns that a site added to lines; NULL: there are none. */
extern const RowDigest *staging_added_digest(const Staging *staging);

/* True where other processes can help; stamp is then what they need. */
extern bool staging_allows_helpers(Staging *staging, RowStamp *stamp);

/* Writes the rows that a helper left to the leader. */
extern void staging_take(Staging *staging, StagingTable table, SharedTuplestoreAccessor *spool);

/* Writes the journal just built for a transaction and basis: a header and its lines. */
extern void
staging_put_journal(Staging *staging, const Transaction *txn, int basis, const Journal *journal);

/* Writes why there is no journal. */
extern void
staging_put_exception(Staging *staging, const Transaction *txn, int basis, const Journal *journal);

/* Writes what is buffered and closes the tables. */
extern void staging_close(Staging *staging);

#endif
