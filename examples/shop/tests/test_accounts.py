def test_a_short_password_is_refused(visitor):
    answer = visitor.post("/register", data={"email": "ada@reader.example", "password": "short"})
    assert answer.status_code == 400
