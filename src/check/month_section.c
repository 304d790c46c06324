/*
 * month_section.c
 *		Sections of which the rows come in any order (see month_section.h).
 */
#include "check/month_section.h"

#include "miscadmin.h"
#include "utils/memutils.h"

/* Bytes that rows are stored by. */
#define CHUNK ((Size) 1 << 20)

void
month_sections_open(MonthSections *sections)
{
	sections->context =
		AllocSetContextCreate(CurrentMemoryContext, "sections of a pass", ALLOCSET_DEFAULT_SIZES);
	code_map_init(&sections->map, "sections", sizeof(MonthSection), sections->context);
	code_map_keep_index(&sections->map);
	sections->left = 0;
}

MonthSection *
month_sections_find(MonthSections *sections, RowSeal *seal, RowKind kind, const Code codes[3])
{
	CodeKey key = {.number = seal->number, .ncodes = 3};
	MonthSection *section;
	bool found;

	for (int i = 0; i < 3; i++)
		key.codes[i] = codes[i];
	section = code_map_enter(&sections->map, &key, &found);
	if (!found)
	{
		section->seal = seal;
		section->kind = kind;
		section->in_order = true;
	}
	return section;
}

/* Room for bytes that stay until the end of the pass. */
static char *
store(MonthSections *sections, Size size)
{
	char *at;

	if (size > sections->left)
	{
		Size chunk = Max(size, CHUNK);

		sections->chunk = MemoryContextAllocHuge(sections->context, chunk);
		sections->left = chunk;
	}
	at = sections->chunk;
	sections->chunk += size;
	sections->left -= size;
	return at;
}

static int
compare_rows(const void *a, const void *b)
{
	const StoredRow *x = a;
	const StoredRow *y = b;
	Code x_number = {x->bytes - x->number_size, x->number_size};
	Code y_number = {y->bytes - y->number_size, y->number_size};
	int c = x->number_size == 0 && y->number_size == 0 ? 0 : code_compare(x_number, y_number);

	if (c != 0)
		return c;
	if (x->je_id != y->je_id)
		return x->je_id < y->je_id ? -1 : 1;
	return x->line_no - y->line_no;
}

void
month_section_add(MonthSections *sections, MonthSection *section, const RowKey *key,
				  const char *bytes, uint32 size)
{
	StoredRow *row;
	char *at;

	if (section->nrows == section->capacity)
	{
		int64 capacity = Max(section->capacity * 2, 16);
		Size room = capacity * sizeof(StoredRow);

		section->rows = section->rows == NULL ? MemoryContextAllocHuge(sections->context, room)
											  : repalloc_huge(section->rows, room);
		section->capacity = capacity;
	}
	row = &section->rows[section->nrows];
	row->je_id = key->je_id;
	row->line_no = section->kind == ROW_LINE ? key->line_no : 0;
	row->number_size = section->kind == ROW_HEADER ? key->je_number.len : 0;
	row->size = size;
	at = store(sections, row->number_size + row->size);
	memcpy(at, key->je_number.data, row->number_size);
	row->bytes = at + row->number_size;
	memcpy(at + row->number_size, bytes, size);
	if (section->nrows > 0 && section->in_order)
		section->in_order = compare_rows(row - 1, row) <= 0;
	section->nrows++;
	section->debit += key->debit;
	section->credit += key->credit;
}

void
month_section_count(MonthSection *section, int64 je_id, Amount debit, Amount credit)
{
	if (section->nrows == 0 || je_id < section->je_id)
		section->je_id = je_id;
	section->nrows++;
	section->debit += debit;
	section->credit += credit;
}

Sha256
month_section_root(MonthSection *section, Hasher *hasher)
{
	MerkleTree tree;
	LeafWriter leaf;

	Assert(section->rows != NULL);
	if (!section->in_order)
		qsort(section->rows, section->nrows, sizeof(StoredRow), compare_rows);
	merkle_init(&tree, hasher);
	section_open_leaves(&leaf, section->kind, &tree);
	for (int64 i = 0; i < section->nrows; i++)
	{
		CHECK_FOR_INTERRUPTS();
		leaf_add(&leaf, section->rows[i].bytes, section->rows[i].size);
	}
	leaf_end(&leaf);
	leaf_close(&leaf);
	return merkle_root(&tree);
}

void
month_sections_close(MonthSections *sections)
{
	hash_destroy(sections->map.table);
	MemoryContextDelete(sections->context);
}
