/*
 * line_buckets.h
 *		Sums of journal lines by transaction and basis, in a table of fixed size:
 *		transactions share buckets, and a bucket keeps no names.
 *
 * Lines that should be there are added, lines that are posted subtracted, in
 * any order and by several processes. A bucket that is zero at the end has no
 * transaction that differs (but by a chance that does not matter); one that is
 * not has few, one of which differs, and the others are found to be equal by whoever
 * looks at them line by line. So memory does not grow with the lines, and most
 * transactions are done with when a run is mostly right.
 *
 * Added up is debit less credit times a hash of the line's transaction, codes and dimensions,
 * modulo 2^128. It is linear: lines of one account count by their sum.
 */
#ifndef LEDGER_LINE_BUCKETS_H
#define LEDGER_LINE_BUCKETS_H

#include "ledger/digest.h"

#include "port/atomics.h"

typedef struct LineBuckets
{
	uint32 count;             /* a power of two */
	pg_atomic_uint64 *sums;   /* of each the low and the high word */
	pg_atomic_uint32 *marked; /* a bit each */
} LineBuckets;

/* A transaction in a basis: its bucket, and a hash that distinguishes its lines from those of others. */
typedef struct LineOwner
{
	uint32 bucket;
	Digest hash;
} LineOwner;

/* How many buckets a run of so many journals gets. */
extern uint32 line_buckets_count(int64 journals);

/* The memory that they need, and the same set to zero, before other processes see it. */
extern Size line_buckets_size(uint32 count);
extern void line_buckets_init(void *memory, uint32 count);

/* Buckets in such memory. */
extern void line_buckets_attach(LineBuckets *buckets, void *memory, uint32 count);

/* The number by which a basis goes into the hash of its transactions. */
extern uint64 line_buckets_basis(Code basis);

extern LineOwner line_buckets_owner(uint32 count, int64 txn_id, uint64 basis);

/* What a line comes to. */
static inline uint128
line_buckets_value(LineOwner owner, Digest codes, Amount amount)
{
	uint128 hash = (uint128) (codes.high ^ owner.hash.high) << 64 | (codes.low ^ owner.hash.low);

	/* An odd factor loses nothing of the amount. */
	return (uint128) amount * (hash | 1);
}

extern void line_buckets_add(LineBuckets *buckets, LineOwner owner, uint128 value);

/* Its transactions are to be looked at, whatever their lines come to. */
extern void line_buckets_mark(LineBuckets *buckets, LineOwner owner);

/* The buckets that are marked or not zero: a bit for each, as a bytea in the current context. */
extern bytea *line_buckets_found(const LineBuckets *buckets);

/* 22023 where a bytea of somebody else's is none such. */
extern void line_buckets_require(const bytea *found);

/* Is its bucket among those that were found? */
extern bool line_buckets_in(const bytea *found, int64 txn_id, uint64 basis);

#endif
