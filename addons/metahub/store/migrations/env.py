"""What Alembic runs: the steps that are missing, in the transaction that it is given.

https://alembic.sqlalchemy.org/en/latest/cookbook.html#connection-sharing
"""

from alembic import context

from metahub.store.history import VERSION_TABLE

context.configure(context.config.attributes["connection"], version_table=VERSION_TABLE)
context.run_migrations()
