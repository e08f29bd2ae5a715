"""`gatekeeper link`: say which source an artifact was built from."""

import os
from pathlib import Path
from typing import Annotated

import typer

from gatekeeper.cli.identity import Flags, full_source, identity
from gatekeeper.cli.output import one_line, put, say
from gatekeeper.cli.server import Commit, Project, Server, TokenFile, Tree, Verbose, client_for


def link(
    artifact: Annotated[
        str, typer.Option(metavar="DIGEST", help="The image or package that was built, as sha256:...")
    ],
    image: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Its name, for people: registry.example.com/pay/api:1.4"),
    ] = None,
    project: Project = None,
    commit: Commit = None,
    tree: Tree = None,
    ref: Annotated[str | None, typer.Option(metavar="NAME", help="The branch or tag.")] = None,
    run: Annotated[str | None, typer.Option(metavar="ID", help="The pipeline.")] = None,
    job: Annotated[str | None, typer.Option(metavar="NAME", help="The job that built it.")] = None,
    server: Server = None,
    token_file: TokenFile = None,
    verbose: Verbose = False,
) -> None:
    """Say that an artifact was built from this source.

    It is said once and never changes: reports of the source then count for the artifact. Another source for
    the same artifact is refused. Name the digest of the content, never a tag.

    Exit codes: 0 linked, or linked so before; 1 refused; 2 usage; 4 the server could not be asked.

    Examples:
      gatekeeper link --artifact sha256:7f1d... --image registry.example.com/pay/api:1.4
      gatekeeper link --artifact "$(skopeo inspect --format '{{.Digest}}' docker://$IMAGE)"
    """
    about = identity(
        Flags(project=project, commit=commit, tree=tree, artifact=artifact, ref=ref, run=run, job=job),
        environ=os.environ,
        cwd=Path.cwd(),
        tell=lambda text: say(f"note: {text}"),
        explain=say if verbose else None,
    )
    source = full_source(about)
    with client_for(server, token_file, verbose=verbose) as client:
        build = client.link(
            project=about.project,
            commit=source.commit or "",
            tree=source.tree,
            artifact=artifact,
            image=image,
            run=about.run,
            job=about.job,
            ref=about.ref,
            commit_object=about.commit_object,
        )
    told = f"{build.artifact} was built from {build.project}, tree {build.tree}, commit {source.commit}"
    put(one_line(f"linked: {told} ({build.trust})", 500) + "\n")
