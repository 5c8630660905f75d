"use strict";
// Asks for the same page every two seconds, and takes from it what is marked as live. What did not
// change stays as it is, with its focus; what opens stays open; what is read stays where it is.
const MILLISECONDS = 2000;
const live = document.getElementById("live");
let lost = false;

const say = (sentence) => {
  if (live.textContent !== sentence) {
    live.textContent = sentence;
  }
  live.classList.toggle("lost", lost);
  live.hidden = false;
};

const merge = (rows, fresh) => {
  const known = new Map([...rows.children].map((row) => [row.id, row]));
  const wanted = [...fresh.children].map((row) => {
    const same = known.get(row.id);
    if (same && same.children.length === row.children.length) {
      return same;
    }
    row.classList.add("fresh");
    return row;
  });
  for (const row of known.values()) {
    if (!wanted.includes(row)) {
      row.remove();
    }
  }
  let next = rows.firstElementChild;
  for (const row of wanted) {
    if (row === next) {
      next = next.nextElementSibling;
    } else {
      rows.insertBefore(row, next);
    }
  }
};

const replace = (old, fresh) => {
  const opened = [...old.querySelectorAll("details[open]")].map((details) => details.id);
  const focused = old.contains(document.activeElement) ? document.activeElement : null;
  const index = focused ? [...old.querySelectorAll("a, summary")].indexOf(focused) : -1;
  old.replaceChildren(...fresh.childNodes);
  for (const id of opened) {
    document.getElementById(id)?.setAttribute("open", "");
  }
  [...old.querySelectorAll("a, summary")][index]?.focus({ preventScroll: true });
};

const renew = (old, fresh) => {
  const rows = old.querySelector("tbody"), others = fresh.querySelector("tbody");
  const heads = [old, fresh].map((part) => part.querySelector("thead")?.textContent);
  if (rows && others && heads[0] === heads[1]) {
    merge(rows, others);
    const links = [old, fresh].map((part) => part.querySelector(".links"));
    if (links[0].innerHTML !== links[1].innerHTML) {
      links[0].replaceChildren(...links[1].childNodes);
    }
    return;
  }
  for (const details of fresh.querySelectorAll("details")) {
    details.toggleAttribute("open", document.getElementById(details.id)?.open ?? false);
  }
  if (old.innerHTML !== fresh.innerHTML) {
    replace(old, fresh);
  }
};

const inPlace = (change) => {
  const rows = [...document.querySelectorAll("#rows > tr, main > *")];
  const read = rows.find((row) => row.getBoundingClientRect().top >= 0);
  const before = read?.getBoundingClientRect().top;
  change();
  if (scrollY > 0 && read?.isConnected) {
    scrollBy({ top: read.getBoundingClientRect().top - before, behavior: "instant" });
  }
};

const look = async () => {
  const answer = await fetch(location.href, {
    headers: { Accept: "text/html" },
    cache: "no-store",
    signal: AbortSignal.timeout(10000),
  });
  if (!answer.ok) {
    throw new Error(`It answers with ${answer.status}`);
  }
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  inPlace(() => {
    for (const old of document.querySelectorAll("[data-live]")) {
      const other = fresh.getElementById(old.id);
      if (other) {
        renew(old, other);
      }
    }
  });
};

const follow = async () => {
  if (!document.hidden) {
    try {
      await look();
      lost = false;
      say("Live");
    } catch (error) {
      const since = new Date().toLocaleTimeString();
      const why = error instanceof TypeError ? "MetaHub does not answer" : error.message;
      if (!lost) {
        lost = true;
        say(`${why} since ${since}; what stands here is of before. Trying again`);
      }
    }
  }
  setTimeout(follow, MILLISECONDS);
};

if (live) {
  say("Live");
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && !lost) {
      look().catch(() => {});
    }
  });
  setTimeout(follow, MILLISECONDS);
}
