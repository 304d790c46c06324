/*
 * digest.c
 *		The digest of journal lines (see digest.h).
 */
#include "ledger/digest.h"

#include "common/hashfn.h"
#include "port/pg_bitutils.h"

#define SEED_HIGH UINT64CONST(0x6c65646765720001)
#define SEED_LOW  UINT64CONST(0x6c65646765720002)

#define LINE_WORDS 12

/* Beside the bits of an amount beyond 64: the line is of no transaction. */
#define NO_TXN 0x80

StaticAssertDecl(LINE_CODES <= 8, "a byte numbers the codes that are null");

static Digest
hash_bytes_128(const void *data, int size)
{
	Digest digest;

	digest.high = hash_bytes_extended(data, size, SEED_HIGH);
	digest.low = hash_bytes_extended(data, size, SEED_LOW);
	return digest;
}

/*
 * The state of hash_bytes_extended(), which is Bob Jenkins' lookup3. What follows is that function for whole words
 * (common/hashfn.c of 13 to 18): its inner steps are macros there.
 */
typedef struct LineHash
{
	uint32 a;
	uint32 b;
	uint32 c;
} LineHash;

/* One step of it: x - z, with z turned, and z + y. */
#define MIX_STEP(x, y, z, n) ((x) -= (z), (x) ^= pg_rotate_left32(z, n), (z) += (y))

static inline void
hash_mix(LineHash *s)
{
	MIX_STEP(s->a, s->b, s->c, 4);
	MIX_STEP(s->b, s->c, s->a, 6);
	MIX_STEP(s->c, s->a, s->b, 8);
	MIX_STEP(s->a, s->b, s->c, 16);
	MIX_STEP(s->b, s->c, s->a, 19);
	MIX_STEP(s->c, s->a, s->b, 4);
}

#define FINAL_STEP(x, y, n) ((x) ^= (y), (x) -= pg_rotate_left32(y, n))

static inline uint64
hash_final(LineHash *s)
{
	FINAL_STEP(s->c, s->b, 14);
	FINAL_STEP(s->a, s->c, 11);
	FINAL_STEP(s->b, s->a, 25);
	FINAL_STEP(s->c, s->b, 16);
	FINAL_STEP(s->a, s->c, 4);
	FINAL_STEP(s->b, s->a, 14);
	FINAL_STEP(s->c, s->b, 24);
	return ((uint64) s->b << 32) | s->c;
}

static inline LineHash
hash_begin(int size, uint64 seed)
{
	uint32 start = 0x9e3779b9 + size + 3923095;
	LineHash s = {start + (uint32) (seed >> 32), start + (uint32) seed, start};

	hash_mix(&s);
	return s;
}

static inline void
hash_add(LineHash *s, const uint32 *words)
{
	s->a += words[0];
	s->b += words[1];
	s->c += words[2];
	hash_mix(s);
}

/* hash_bytes_128() of a line: both hashes side by side take a third less time. */
static inline Digest
hash_line(const uint32 words[LINE_WORDS])
{
	LineHash high = hash_begin(LINE_WORDS * sizeof(uint32), SEED_HIGH);
	LineHash low = hash_begin(LINE_WORDS * sizeof(uint32), SEED_LOW);
	Digest digest;

	for (int i = 0; i < LINE_WORDS; i += 3)
	{
		hash_add(&high, words + i);
		hash_add(&low, words + i);
	}
	digest.high = hash_final(&high);
	digest.low = hash_final(&low);
	return digest;
}

Digest
digest_of_codes(const Code codes[LINE_CODES])
{
	char buffer[512];
	char *bytes = buffer;
	int size = 0;
	int used = 0;
	uint8 nulls = 0;
	Digest digest;

	for (int i = 0; i < LINE_CODES; i++)
	{
		size += codes[i].len + 1;
		if (codes[i].data == NULL)
			nulls |= 1 << i;
	}
	if (nulls != 0)
		size++;
	if (size > sizeof(buffer))
		bytes = palloc(size);
	for (int i = 0; i < LINE_CODES; i++)
	{
		if (codes[i].data != NULL)
			memcpy(bytes + used, codes[i].data, codes[i].len);
		used += codes[i].len;
		bytes[used++] = '\0';
	}
	if (nulls != 0)
		bytes[used++] = (char) nulls;
	Assert(used == size);
	digest = hash_bytes_128(bytes, size);
	if (bytes != buffer)
		pfree(bytes);
	return digest;
}

void
digest_add_line(Digest *digest, Digest codes, int64 txn_id, bool has_txn, DateADT je_date,
				int line_no, Amount debit, Amount credit)
{
	/* Amounts are below 2^67: what is beyond 64 bits goes with line_no. */
	union
	{
		struct
		{
			Digest codes;
			int64 txn_id;
			int32 je_date;
			int16 line_no;
			uint8 debit_high;
			uint8 credit_high;
			uint64 debit;
			uint64 credit;
		} part;
		uint32 words[LINE_WORDS];
	} line;

	Assert(amount_is_in_range(debit) && amount_is_in_range(credit));
	Assert(has_txn || txn_id == 0);
	line.part.codes = codes;
	line.part.txn_id = txn_id;
	line.part.je_date = je_date;
	line.part.line_no = (int16) line_no;
	line.part.debit_high = (uint8) (debit >> 64) | (has_txn ? 0 : NO_TXN);
	line.part.credit_high = (uint8) (credit >> 64);
	line.part.debit = (uint64) debit;
	line.part.credit = (uint64) credit;
	StaticAssertStmt(sizeof(line.part) == sizeof(line.words), "a line is hashed without padding");
	digest_add(digest, hash_line(line.words));
}

void
digest_add(Digest *digest, Digest more)
{
	digest->low += more.low;
	digest->high += more.high + (digest->low < more.low ? 1 : 0);
}

bool
digest_equal(Digest a, Digest b)
{
	return a.high == b.high && a.low == b.low;
}

void
digest_to_text(Digest digest, char text[DIGEST_TEXT_SIZE])
{
	Digest back PG_USED_FOR_ASSERTS_ONLY;

	snprintf(text, DIGEST_TEXT_SIZE, "%016llx%016llx", (unsigned long long) digest.high,
			 (unsigned long long) digest.low);
	Assert(digest_from_text(text, &back) && digest_equal(digest, back));
}

bool
digest_from_text(const char *text, Digest *digest)
{
	unsigned long long high;
	unsigned long long low;

	if (text == NULL || sscanf(text, "%16llx%16llx", &high, &low) != 2)
		return false;
	digest->high = high;
	digest->low = low;
	return true;
}
