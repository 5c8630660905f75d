"""The tables of the first release."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_PLACE = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make them."""
    for name in ("indexes", "answers"):
        op.create_table(
            name,
            sa.Column("digest", sa.Text, primary_key=True),
            sa.Column("media_type", sa.Text, nullable=False),
            sa.Column("body", sa.LargeBinary, nullable=False),
            sa.Column("used", sa.BigInteger, nullable=False, index=True),
        )
    op.create_table(
        "origins",
        sa.Column("place", _PLACE, primary_key=True),
        sa.Column("answer", sa.Text, nullable=False),
        sa.Column("upstream", sa.Text, nullable=False),
        sa.UniqueConstraint("answer", "upstream", name="origins_once"),
    )
    op.create_table(
        "seen",
        sa.Column("user", sa.Text, primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "decisions",
        sa.Column("place", _PLACE, primary_key=True),
        sa.Column("body", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
