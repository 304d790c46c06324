/*
 * journal_key.h
 *		A number by which the headers and lines of many journals are compared without
 *		bringing them together.
 *
 * Headers and lines that belong together have these columns in common: je_id,
 * je_date, run_id, txn_id, entity_code, basis and currency. Their hash is the key of
 * the journal. A line adds to a sum mod 2^128 the key, and products of other forms of
 * it with its debit and its credit; a header adds what so many lines with its totals
 * would. Both sums are the same where each journal has as many lines as its header
 * says, which come to the header's totals, provided that no two headers have the same
 * je_id. That they are the same by chance has a probability of some 2^-64.
 */
#ifndef LEDGER_JOURNAL_KEY_H
#define LEDGER_JOURNAL_KEY_H

#include "ledger/amount.h"
#include "ledger/digest.h"

#include "utils/date.h"

typedef uint128 JournalSum; /* the server's type, which may lie where its memory begins */

/*
 * Posting leaves these codes out where the transaction says which they are: it compares them with what expand wrote, in
 * lines and in headers.
 */
#define NO_BOOKS 0

typedef struct JournalKey
{
	int64 je_id;
	int64 run_id;
	int64 txn_id; /* 0 where has_txn is false */
	bool has_txn;
	DateADT je_date;
	uint64 books; /* journal_books(), or NO_BOOKS */
} JournalKey;

static inline uint64
journal_mix(uint64 h, uint64 value)
{
	h = (h ^ value) * UINT64CONST(0x9e3779b97f4a7c15);
	return h ^ (h >> 32);
}

/* The hash of the codes that a journal has once. */
extern uint64 journal_books(Code entity, Code basis, Code currency);

static inline uint64
journal_hash_of(const JournalKey *key)
{
	uint64 h = journal_mix(key->books, key->je_id);

	h = journal_mix(h, key->run_id);
	h = journal_mix(h, key->txn_id);
	h = journal_mix(h, (uint64) (uint32) key->je_date << 1 | key->has_txn);
	return h * UINT64CONST(0xff51afd7ed558ccd);
}

/* What so many lines of a journal with these sums add. */
static inline JournalSum
journal_sum(const JournalKey *key, int64 lines, Amount debit, Amount credit)
{
	uint64 h = journal_hash_of(key);
	uint64 of_debit = journal_mix(h, UINT64CONST(0xc4ceb9fe1a85ec53)) | 1;
	uint64 of_credit = journal_mix(h, UINT64CONST(0x2545f4914f6cdd1d)) | 1;

	return (JournalSum) (h | 1) * (JournalSum) (int128) lines +
		   (JournalSum) of_debit * (JournalSum) debit +
		   (JournalSum) of_credit * (JournalSum) credit;
}

static inline Digest
journal_digest(JournalSum sum)
{
	return (Digest){(uint64) (sum >> 64), (uint64) sum};
}

#endif
