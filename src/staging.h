/*
 * staging.h
 *		Where expand writes: headers and lines into the run's staging tables,
 *		exceptions into je_exception.
 */
#ifndef LEDGER_STAGING_H
#define LEDGER_STAGING_H

#include "ledger_engine.h"

#include "digest.h"
#include "je_id.h"
#include "journal.h"
#include "source.h"

typedef struct Staging Staging;

/*
 * Opens the tables for a run. basis_codes are the run's bases as text, by
 * number. LE010 or LE012 where a table is not fit to be written to.
 */
extern Staging *staging_open(int64 run_id, const Datum *basis_codes, Relation source, Oid header,
							 Oid line, JeIds *ids);

/* Writes the journal just built for a transaction and basis: a header and its lines. */
extern void
staging_put_journal(Staging *staging, const Transaction *txn, int basis, const Journal *journal);

/* Writes why there is no journal. */
extern void
staging_put_exception(Staging *staging, const Transaction *txn, int basis, const Journal *journal);

/* Writes what is buffered and closes the tables; the digest of all lines. */
extern Digest staging_close(Staging *staging);

#endif
