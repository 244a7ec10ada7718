"""Carries out a Realtime client's requests about items: create, retrieve, delete, truncate."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from gateway.conversation.conduct import AddTurn, DeleteTurn, SetResult, TruncateTurn
from gateway.conversation.session import Session
from gateway.notices import TurnTruncated
from gateway.realtime import server_events
from gateway.realtime.client_events import ItemCreate, ItemDelete, ItemRetrieve, ItemTruncate
from gateway.realtime.errors import ClientError
from gateway.realtime.items import Item, Items, read_item
from gateway.realtime.partner_side import PartnerSide
from gateway.realtime.server_events import Event


class ItemRequests:
    """Handles the requests of one connection. send: takes the events for the client, in order. elapsed_s: returns the
    seconds since the connection began."""

    def __init__(
        self,
        session: Session,
        items: Items,
        partner: PartnerSide,
        *,
        send: Callable[[list[Event]], Awaitable[None]],
        elapsed_s: Callable[[], float],
    ) -> None:
        self._session = session
        self._items = items
        self._partner = partner
        self._send = send
        self._elapsed_s = elapsed_s
        self._truncations: dict[str, int] = {}  # item → its new length in ms; truncations that are not confirmed yet

    async def on(self, event: ItemCreate | ItemRetrieve | ItemDelete | ItemTruncate) -> None:
        """Carry the request out. Raises ServiceError if the event has no effect."""
        match event:
            case ItemCreate():
                await self._create(event)
            case ItemRetrieve(item_id=item_id):
                item = self._items.find(item_id, code="item_retrieve_invalid_item_id")
                await self._send([{"type": "conversation.item.retrieved", "item": item.shown()}])
            case ItemDelete(item_id=item_id):
                await self._delete(self._items.find(item_id, code="item_delete_invalid_item_id"))
            case ItemTruncate():
                await self._truncate(event)

    def on_truncated(self, notice: TurnTruncated) -> list[Event]:
        """The events for the client when the conversation has truncated an item's turn; none if the client has not
        asked for the truncation."""
        end_ms = self._truncations.pop(notice.turn_id, None)
        item = self._items.get(notice.turn_id)
        if end_ms is None or item is None:  # the turn was truncated only to be deleted
            return []
        item.text, item.is_kept = notice.text, bool(notice.text)
        about = {"item_id": item.id, "content_index": 0, "audio_end_ms": end_ms}
        return [{"type": "conversation.item.truncated", **about}]

    async def _create(self, event: ItemCreate) -> None:
        item = read_item(event.item)
        self._items.check_room()
        if item.kind == "function_call_output":
            self._items.call(item.call_id, "item.call_id")
        before = self._items.add(item, event.previous_item_id)
        is_last, after = self._items.is_last(item), self._items.kept_before(item)
        if item.kind == "function_call_output":
            await self._session.post(SetResult(item.call_id, item.text))
        else:
            await self._session.post(AddTurn(item.as_turn(self._elapsed_s()), after, is_last))
        await self._send([server_events.item_added(item, before), server_events.item_done(item, before)])

    async def _delete(self, item: Item) -> None:
        if item.status == "in_progress":
            raise ClientError("this item is still being made; cancel the response first", param="item_id")
        self._items.delete(item)
        heard = self._partner.heard
        if heard and heard.item is item:  # its turn is added to the history only when it has been heard or interrupted
            await self._session.post(TruncateTurn(item.id, heard.sent_ms))
        if item.is_kept or (heard and heard.item is item):
            await self._session.post(DeleteTurn(item.id))
        if item.kind == "function_call_output":
            await self._session.post(SetResult(item.call_id, None))
        await self._send([{"type": "conversation.item.deleted", "item_id": item.id}])

    async def _truncate(self, event: ItemTruncate) -> None:
        item = self._items.find(event.item_id, code="item_truncate_invalid_item_id")
        if item.role != "assistant" or item.kind != "output_audio":
            raise ClientError("only the assistant's audio can be truncated", param="item_id")
        if event.content_index != 0:
            raise ClientError("`content_index` must be 0: an item has one part", param="content_index")
        self._truncations[item.id] = min(event.audio_end_ms, round(self._partner.length_ms(item)))
        await self._session.post(TruncateTurn(item.id, event.audio_end_ms))
