/*
 * line_buckets.c
 *		Sums of lines in buckets (see line_buckets.h); acct._in_buckets().
 *
 * A sum is two words that are added to one after the other, the carry of the
 * low one with the high one. What each addition carries is known from the value
 * that it found, so the sum is right once all are done, in whatever order
 * processes did them.
 */
#include "expand/line_buckets.h"

#include "common/hashfn.h"
#include "storage/shmem.h"
#include "utils/builtins.h"

LEDGER_FUNCTION(ledger_in_buckets);

#define MIN_BUCKETS ((uint32) 1 << 12)
#define MAX_BUCKETS ((uint32) 1 << 22) /* 64 MB */

/* Transactions whose identifiers follow each other have buckets that do, as far as this. */
#define NEIGHBOUR_BITS 10

/* As murmurhash64() ends, which 15 does not have. */
static inline uint64
mix(uint64 h)
{
	h ^= h >> 33;
	h *= UINT64CONST(0xff51afd7ed558ccd);
	h ^= h >> 33;
	h *= UINT64CONST(0xc4ceb9fe1a85ec53);
	h ^= h >> 33;
	return h;
}

uint32
line_buckets_count(int64 journals)
{
	uint32 count = MIN_BUCKETS;

	while (count < MAX_BUCKETS && count < journals * 2)
		count *= 2;
	return count;
}

static Size
sums_size(uint32 count)
{
	return mul_size(count, 2 * sizeof(pg_atomic_uint64));
}

static Size
bits_size(uint32 count)
{
	return count / BITS_PER_BYTE;
}

Size
line_buckets_size(uint32 count)
{
	Assert(count >= MIN_BUCKETS && (count & (count - 1)) == 0);
	return add_size(sums_size(count), bits_size(count));
}

void
line_buckets_attach(LineBuckets *buckets, void *memory, uint32 count)
{
	buckets->count = count;
	buckets->sums = memory;
	buckets->marked = (pg_atomic_uint32 *) ((char *) memory + sums_size(count));
}

void
line_buckets_init(void *memory, uint32 count)
{
	LineBuckets buckets;

	line_buckets_attach(&buckets, memory, count);
	for (uint32 i = 0; i < 2 * count; i++)
		pg_atomic_init_u64(&buckets.sums[i], 0);
	for (uint32 i = 0; i < count / 32; i++)
		pg_atomic_init_u32(&buckets.marked[i], 0);
}

uint64
line_buckets_basis(Code basis)
{
	return hash_bytes_extended((const unsigned char *) basis.data, basis.len, 0);
}

LineOwner
line_buckets_owner(uint32 count, int64 txn_id, uint64 basis)
{
	uint64 id = (uint64) txn_id;
	uint64 neighbours = mix((id >> NEIGHBOUR_BITS) ^ basis);
	LineOwner owner;

	owner.bucket = (uint32) (neighbours + (id & ((1 << NEIGHBOUR_BITS) - 1))) & (count - 1);
	owner.hash.high = mix(id + basis);
	owner.hash.low = mix(owner.hash.high ^ id);
	return owner;
}

void
line_buckets_add(LineBuckets *buckets, LineOwner owner, uint128 value)
{
	pg_atomic_uint64 *sum = &buckets->sums[2 * (Size) owner.bucket];
	uint64 low = (uint64) value;
	uint64 high = (uint64) (value >> 64);

	Assert(owner.bucket < buckets->count);
	/* What it finds and what is added pass 2^64 together. */
	if (pg_atomic_fetch_add_u64(&sum[0], (int64) low) > PG_UINT64_MAX - low)
		high++;
	if (high != 0)
		pg_atomic_fetch_add_u64(&sum[1], (int64) high);
}

void
line_buckets_mark(LineBuckets *buckets, LineOwner owner)
{
	Assert(owner.bucket < buckets->count);
	pg_atomic_fetch_or_u32(&buckets->marked[owner.bucket / 32], (uint32) 1 << owner.bucket % 32);
}

bytea *
line_buckets_found(const LineBuckets *buckets)
{
	Size size = bits_size(buckets->count);
	bytea *found = palloc0(VARHDRSZ + size);
	uint8 *bits = (uint8 *) VARDATA(found);

	SET_VARSIZE(found, VARHDRSZ + size);
	for (uint32 b = 0; b < buckets->count; b++)
		if (pg_atomic_read_u64(&buckets->sums[2 * (Size) b]) != 0 ||
			pg_atomic_read_u64(&buckets->sums[2 * (Size) b + 1]) != 0 ||
			(pg_atomic_read_u32(&buckets->marked[b / 32]) >> b % 32 & 1) != 0)
			bits[b / BITS_PER_BYTE] |= 1 << b % BITS_PER_BYTE;
	return found;
}

bool
line_buckets_in(const bytea *found, int64 txn_id, uint64 basis)
{
	const uint8 *bits = (const uint8 *) VARDATA_ANY(found);
	uint32 count = VARSIZE_ANY_EXHDR(found) * BITS_PER_BYTE;
	uint32 bucket = line_buckets_owner(count, txn_id, basis).bucket;

	return (bits[bucket / BITS_PER_BYTE] >> bucket % BITS_PER_BYTE & 1) != 0;
}

void
line_buckets_require(const bytea *found)
{
	Size size = VARSIZE_ANY_EXHDR(found);

	if (size < MIN_BUCKETS / BITS_PER_BYTE || size > MAX_BUCKETS / BITS_PER_BYTE ||
		(size & (size - 1)) != 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("these are no buckets of lines")));
}

/* p_buckets, p_txn_id, p_basis */
Datum
ledger_in_buckets(PG_FUNCTION_ARGS)
{
	bytea *found = PG_GETARG_BYTEA_PP(0);

	line_buckets_require(found);
	PG_RETURN_BOOL(line_buckets_in(found, PG_GETARG_INT64(1),
								   line_buckets_basis(code_from_datum(PG_GETARG_DATUM(2)))));
}
