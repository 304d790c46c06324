/*
 * digest.h
 *		The digest of a set of journal lines: a sum mod 2^128 of one hash a line.
 *
 * The sum does not depend on the order of lines, and lines can be added and
 * compared wherever they are stored. What goes in, in this canonical form: the
 * codes in the order of line_layout.h, each ended by a zero byte, hashed once,
 * then with txn_id, je_date, line_no, debit and credit. je_id and run_id stay out, so that computing a run again gives
 * the same digest. Where a code is null nothing stands before its zero byte, and
 * a byte whose bits number the codes that are null, which is never zero, ends
 * them; a txn_id that is null is hashed as zero, with a bit of its own beside the
 * amounts. So what has no nulls is hashed as if there could be none. The hash is the server's (common/hashfn.c) with two seeds:
 * it finds accidents and tampering by those who cannot compute a forgery; it is
 * no signature.
 */
#ifndef LEDGER_DIGEST_H
#define LEDGER_DIGEST_H

#include "ledger/amount.h"
#include "ledger/line_layout.h"

typedef struct Digest
{
	uint64 high;
	uint64 low;
} Digest;

#define DIGEST_TEXT_SIZE 33

/* The hash of a line's codes, to be kept for lines that share them; data is NULL in a code that is null. */
extern Digest digest_of_codes(const Code codes[LINE_CODES]);

/* Adds a line to a digest. Where the line is of no transaction txn_id is 0. */
extern void digest_add_line(Digest *digest, Digest codes, int64 txn_id, bool has_txn,
							DateADT je_date, int line_no, Amount debit, Amount credit);

extern void digest_add(Digest *digest, Digest more);
extern bool digest_equal(Digest a, Digest b);

/* 32 hexadecimal digits. */
extern void digest_to_text(Digest digest, char text[DIGEST_TEXT_SIZE]);
extern bool digest_from_text(const char *text, Digest *digest);

#endif
