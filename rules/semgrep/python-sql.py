import sqlalchemy
from django.db.models.expressions import RawSQL


def sql_by_formatting(db, name, number):
    # ruleid: gk-python-sql-by-formatting
    db.execute(f"select * from users where name = '{name}'")
    # ruleid: gk-python-sql-by-formatting
    db.execute("select * from users where name = '%s'" % name)
    # ruleid: gk-python-sql-by-formatting
    db.execute("select * from users where name = '{}'".format(name))
    # ruleid: gk-python-sql-by-formatting
    db.execute("select * from users where name = '" + name + "'")
    query = "delete from users where name = '" + name + "'"
    # ruleid: gk-python-sql-by-formatting
    db.executescript(query)
    # ruleid: gk-python-sql-by-formatting
    sqlalchemy.text(f"select {name}")

    # ok: gk-python-sql-by-formatting
    db.execute("select * from users where name = ?", (name,))
    # ok: gk-python-sql-by-formatting
    db.execute("select * from users " + "where name = ?", (name,))
    # ok: gk-python-sql-by-formatting
    db.execute("select * from users where name like ?", (f"%{name}%",))
    # ok: gk-python-sql-by-formatting
    pool.execute(job, f"hello {name}")


def django_raw_sql(name):
    # ruleid: gk-django-raw-sql
    User.objects.raw(f"select * from users where name = '{name}'")
    # ruleid: gk-django-raw-sql
    User.objects.annotate(age=RawSQL("select age from ages where name = '%s'" % name, []))
    # ruleid: gk-django-raw-sql
    User.objects.extra(where=["name = '%s'" % name])

    # ok: gk-django-raw-sql
    User.objects.raw("select * from users where name = %s", [name])
    # ok: gk-django-raw-sql
    User.objects.filter(name=name)
    # ok: gk-django-raw-sql
    User.objects.extra(where=["age > 18"])
