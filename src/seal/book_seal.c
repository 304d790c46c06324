/*
 * book_seal.c
 *		Seals of books from their sections (see book_seal.h).
 */
#include "seal/book_seal.h"

#include "utils/memutils.h"

static int
compare_records(const ListCell *a, const ListCell *b)
{
	return section_compare(lfirst(a), lfirst(b));
}

static bool
is_of_book(const SectionRecord *record, const BookSeal *book)
{
	return code_equal(record->key.entity, book->entity) &&
		   code_equal(record->key.basis, book->basis);
}

static int
compare_sums(const void *a, const void *b)
{
	return code_compare(((const CurrencySum *) a)->currency, ((const CurrencySum *) b)->currency);
}

static void
add_sum(BookSeal *book, const SectionRecord *record)
{
	int i = 0;

	while (i < book->nsums && !code_equal(book->sums[i].currency, record->key.currency))
		i++;
	if (i == book->nsums)
	{
		CurrencySum sum = {record->key.currency};

		book->sums = i == 0 ? palloc_array(CurrencySum, 1)
							: repalloc(book->sums, (i + 1) * sizeof(CurrencySum));
		book->sums[book->nsums++] = sum;
	}
	book->sums[i].debit += record->debit;
	book->sums[i].credit += record->credit;
}

/* The root of the sections of one kind. */
static Sha256
root_of(const BookSeal *book, RowKind kind, Hasher *hasher)
{
	MerkleTree *tree = palloc_object(MerkleTree);
	StringInfoData data;
	Sha256 root;

	initStringInfo(&data);
	merkle_init(tree, hasher);
	for (int i = 0; i < book->nsections; i++)
	{
		Sha256 leaf;

		if (book->sections[i]->key.kind != kind)
			continue;
		resetStringInfo(&data);
		section_put_data(book->sections[i], &data);
		leaf = hash_leaf(hasher, data.data, data.len);
		merkle_append(tree, &leaf);
	}
	root = merkle_root(tree);
	pfree(data.data);
	pfree(tree);
	return root;
}

static void
finish_book(BookSeal *book, Hasher *hasher)
{
	for (int i = 0; i < book->nsections; i++)
	{
		const SectionRecord *record = book->sections[i];

		Assert(i == 0 || section_compare(book->sections[i - 1], record) < 0);
		if (record->key.kind == ROW_HEADER)
			book->headers += record->rows;
		else
		{
			book->lines += record->rows;
			add_sum(book, record);
		}
	}
	if (book->nsums > 1)
		qsort(book->sums, book->nsums, sizeof(CurrencySum), compare_sums);
	book->header_root = root_of(book, ROW_HEADER, hasher);
	book->line_root = root_of(book, ROW_LINE, hasher);
}

List *
book_seals(List *sections, Hasher *hasher)
{
	List *sorted = list_copy(sections);
	SectionRecord **records =
		palloc_extended((list_length(sections) + 1) * sizeof(SectionRecord *), MCXT_ALLOC_HUGE);
	List *books = NIL;
	BookSeal *book = NULL;
	ListCell *lc;
	int n = 0;

	list_sort(sorted, compare_records);
	foreach(lc, sorted)
	{
		SectionRecord *record = lfirst(lc);

		if (book == NULL || !is_of_book(record, book))
		{
			book = palloc0_object(BookSeal);
			book->entity = record->key.entity;
			book->basis = record->key.basis;
			book->sections = records + n;
			books = lappend(books, book);
		}
		records[n++] = record;
		book->nsections++;
	}
	foreach(lc, books)
		finish_book(lfirst(lc), hasher);
	list_free(sorted);
	return books;
}
