def test_a_book_goes_into_the_cart(visitor):
    answer = visitor.post("/cart", data={"product": 2, "quantity": 3})
    assert answer.json["cents"] == 3 * 1590
    assert visitor.get("/cart").json["lines"][0]["title"] == "Middlemarch"


def test_more_than_the_stock_is_refused(visitor):
    assert visitor.post("/cart", data={"product": 2, "quantity": 5}).status_code == 409
