def test_the_front_page_lists_the_books(visitor):
    page = visitor.get("/").text
    assert "Middlemarch" in page
    assert "(sold out)" in page


def test_a_book_has_a_price(visitor):
    assert visitor.get("/products/1").json["cents"] == 1290


def test_an_unknown_book_is_not_found(visitor):
    assert visitor.get("/products/99").status_code == 404
