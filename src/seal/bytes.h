/*
 * bytes.h
 *		Integers as seals have them: big-endian.
 */
#ifndef LEDGER_BYTES_H
#define LEDGER_BYTES_H

#include "common/ledger_engine.h"

#include "lib/stringinfo.h"
#include "port/pg_bswap.h"

/* Sees to it that so many more bytes fit. The server's function is called only where it has something to do. */
static inline void
bytes_reserve(StringInfo target, int size)
{
	if (unlikely(target->maxlen - target->len <= size))
		enlargeStringInfo(target, size);
}

static inline void
bytes_put(StringInfo target, const void *data, int size)
{
	bytes_reserve(target, size);
	memcpy(target->data + target->len, data, size);
	target->len += size;
}

static inline void
bytes_put_u16(StringInfo target, uint16 value)
{
	uint16 bytes = pg_hton16(value);

	bytes_put(target, &bytes, sizeof(bytes));
}

static inline void
bytes_put_u32(StringInfo target, uint32 value)
{
	uint32 bytes = pg_hton32(value);

	bytes_put(target, &bytes, sizeof(bytes));
}

static inline void
bytes_put_u64(StringInfo target, uint64 value)
{
	uint64 bytes = pg_hton64(value);

	bytes_put(target, &bytes, sizeof(bytes));
}

static inline void
bytes_put_i128(StringInfo target, int128 value)
{
	uint64 bytes[2] = {pg_hton64((uint64) ((uint128) value >> 64)), pg_hton64((uint64) value)};

	bytes_put(target, bytes, sizeof(bytes));
}

/* Bytes as a value of type bytea. */
static inline Datum
bytes_to_datum(const void *data, int size)
{
	bytea *bytes = palloc(VARHDRSZ + size);

	SET_VARSIZE(bytes, VARHDRSZ + size);
	memcpy(VARDATA(bytes), data, size);
	return PointerGetDatum(bytes);
}

static inline uint16
bytes_get_u16(const char *at)
{
	uint16 bytes;

	memcpy(&bytes, at, sizeof(bytes));
	return pg_ntoh16(bytes);
}

static inline uint32
bytes_get_u32(const char *at)
{
	uint32 bytes;

	memcpy(&bytes, at, sizeof(bytes));
	return pg_ntoh32(bytes);
}

static inline uint64
bytes_get_u64(const char *at)
{
	uint64 bytes;

	memcpy(&bytes, at, sizeof(bytes));
	return pg_ntoh64(bytes);
}

static inline int128
bytes_get_i128(const char *at)
{
	return (int128) (((uint128) bytes_get_u64(at) << 64) | bytes_get_u64(at + 8));
}

#endif
